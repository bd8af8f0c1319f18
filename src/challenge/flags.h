/*
 * flags - where a challenge's files leave room for a flag of each player's own: the placeholder
 * `PREFIX{...}` in text, and `${FLAG}` or `${DYNAMIC_FLAG}` in the compose file. Pure.
 *
 * A placeholder is the exact prefix at the start of a word, a brace, at least one printable
 * character that is no brace, and the closing brace on the same line: `MYFLAG{x}` and
 * `struct flag{` are none.
 *
 * Limits     FLAG_PLACEHOLDER_MAX bytes between the braces.
 */
#pragma once

#include "compose/plan.h"

enum { FLAG_PLACEHOLDER_MAX = 256 };

/* How a player's own flag gets into a container; the values of `flag_delivery`. */
typedef enum FlagDelivery {
    FLAG_AUTO,   /* nothing was asked for */
    FLAG_ENV,    /* the compose file passes it on */
    FLAG_COPY,   /* put in place of the placeholder in a file that is copied */
    FLAG_COMMIT, /* the same in an image made from the container */
    FLAG_BUILD,  /* the same before the image is built, once per player */
    FLAG_NONE,   /* nothing in the files allows it */
} FlagDelivery;

const char *flag_delivery_name(FlagDelivery delivery);
/* "auto", "env", "copy", "commit" or "build"; false otherwise. */
bool flag_delivery_parse(const char *text, FlagDelivery *ret);

/* From 1; columns count bytes. */
typedef struct FlagAt {
    int line, column;
} FlagAt;

/* The first placeholder of `text`, which may hold any bytes. */
bool flag_find(const char *text, size_t len, const char *prefix, FlagAt *ret);
/* Does a template refer to ${FLAG} or ${DYNAMIC_FLAG}? */
bool flag_in_template(const char *text);
/* The first service whose templates do, or NULL. */
const PlanService *flag_service_of(const Plan *plan);
