/*
 * tree - making and changing the trees of YAML nodes a project is merged from. Nodes may be shared
 * between trees, so nothing here changes one that was handed over.
 */
#pragma once

#include "compose/field.h"

/* Room for `cap` children; place and origin are those of `like`. */
YamlNode *tree_map(Loader *l, const YamlNode *like, size_t cap);
YamlNode *tree_list(Loader *l, const YamlNode *like, size_t cap);
/* `plain`: typed by whoever reads it, as true, 5 and null are. */
YamlNode *tree_scalar(Loader *l, const YamlNode *like, const char *text, bool plain);
YamlNode *tree_null(Loader *l, const YamlNode *like);

/* Adds, without looking for one of that name. */
void tree_add(Loader *l, YamlNode *map, YamlNode *key, const YamlNode *value);
/* Sets or replaces. */
void tree_put(Loader *l, YamlNode *map, const char *key, const YamlNode *value);
void tree_append(Loader *l, YamlNode *list, const YamlNode *item);
/* A shallow copy of a map without `key`. */
YamlNode *tree_without(Loader *l, const YamlNode *map, const char *key);
YamlNode *tree_shallow(Loader *l, const YamlNode *node);
bool tree_equal(const YamlNode *a, const YamlNode *b);
