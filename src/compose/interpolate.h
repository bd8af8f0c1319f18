/*
 * interpolate - `$NAME` and `${NAME<operator>word}` in text, by the rules of compose's templates.
 *
 * Variables of `.env` are replaced; those of the instance become markers (compose/plan.h) that
 * carry what `.env` says as their fallback. Anything else is unset.
 */
#pragma once

#include "compose/field.h"

/* In front of a variable's name: an instance variable's value is known already. */
enum { INTERPOLATION_FIXED = '=' };

typedef struct Interpolation {
    Arena *arena;
    const Map *variables; /* name -> const char * */
    const char *error;    /* set when interpolate() gave NULL */
    const char *unset;    /* the first variable that had neither value nor default, or NULL */
} Interpolation;

/* The text replaced (in the arena, or `text` itself), or NULL with in->error. */
const char *interpolate(Interpolation *in, const char *text);

/* INSTANCE_ID, FLAG, PORT_80 ...: known only when an instance starts. */
bool is_instance_variable(const char *name);
/* Value of a name as `environment: [NAME]` sees it; NULL = unset. */
const char *variable_value(Interpolation *in, const char *name);

/*
 * A copy of the whole file with every value replaced, every node marked with its origin and no
 * top-level extensions; problems are reported.
 */
YamlNode *interpolate_tree(Loader *l, const YamlNode *root, const Origin *origin);
