/*
 * merge - one tree over another, by the rules of compose-go's override/: mappings deeply, lists by
 * appending, and for each key that needs it its own way (the table in merge.c).
 *
 * Paths name places with `*` for names an author chose: "services.*.build.args".
 */
#pragma once

#include "compose/field.h"

/*
 * `over` on top of `base`. `!reset` in it removes, `!override` replaces. Mismatched kinds are
 * reported, and `base` stays.
 */
const YamlNode *merge_trees(Loader *l, const char *path, const YamlNode *base,
                            const YamlNode *over);
/* Path of a member: "services" + "web" -> "services.*". */
const char *merge_path(Loader *l, const char *path, const char *key);

/* Short forms as maps: ["A=1"] -> {A: "1"}; [a, b] -> {a: , b: }. Maps stay as they are. */
const YamlNode *merge_pairs(Loader *l, const YamlNode *node);
const YamlNode *merge_names(Loader *l, const YamlNode *node);
/* Reports tags that are left: they mean something only where something is overridden. */
void merge_check_tags(Loader *l, const Field *root);
