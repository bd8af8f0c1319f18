/*
 * yaml - YAML 1.2 text into a tree with positions: libyaml's event API and our own composer.
 * No other file includes yaml.h of libyaml.
 *
 * One document. Anchors and aliases are resolved (an alias is a pointer to a closed node, so the
 * tree is a DAG and never cyclic); merge keys `<<` are resolved too (own keys win, the first
 * source of a list wins). Duplicate keys, complex keys and unknown tags are errors with a
 * position. Scalars stay text: `plain` says whether they may be typed (YAML 1.2 core schema).
 * Compose's tags `!reset` and `!override` are known to yaml_read_tagged() only.
 *
 * Ownership  everything lives in the arena given.
 * Limits     1 MiB of text, 64 levels, 20,000 nodes, 100,000 node visits after alias expansion.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { YAML_TEXT_MAX = 1 << 20, YAML_DEPTH_MAX = 64, YAML_NODES_MAX = 20000 };

typedef enum YamlKind { YAML_SCALAR, YAML_LIST, YAML_MAP } YamlKind;

typedef enum YamlTag { YAML_TAG_NONE, YAML_TAG_RESET, YAML_TAG_OVERRIDE } YamlTag;

typedef struct YamlNode YamlNode;

typedef struct YamlPair {
    YamlNode *key; /* always a scalar */
    YamlNode *value;
} YamlPair;

struct YamlNode {
    YamlKind kind;
    int line, column; /* from 1 */
    const char *text; /* SCALAR */
    bool plain;       /* SCALAR: unquoted, or tagged !!int, !!float, !!bool or !!null */
    YamlPair *pairs;  /* MAP, in the order of the file, merges appended */
    YamlNode **items; /* LIST */
    size_t n, cap;
    YamlTag tag;
    const void *origin; /* the caller's own: where the node comes from; NULL when read */
};

typedef struct YamlPos {
    int line, column;
} YamlPos;

/* *ret_root is NULL for an empty document. On failure *ret_pos says where (E_SYNTAX). */
MUST_USE int yaml_read(Arena *arena, const char *text, size_t len, YamlNode **ret_root,
                       YamlPos *ret_pos, Error *err);
/* The same, where `!reset` and `!override` may stand. */
MUST_USE int yaml_read_tagged(Arena *arena, const char *text, size_t len, YamlNode **ret_root,
                              YamlPos *ret_pos, Error *err);
YamlNode *yaml_get(const YamlNode *map, const char *key); /* NULL when absent or not a map */
/* A plain ~, null, Null, NULL or empty scalar. */
bool yaml_is_null(const YamlNode *node);
const char *yaml_kind_name(const YamlNode *node); /* "a mapping", "a list", "text", "nothing" */
