/* model_parts - the pieces of the canonical model. Private to compose/. */
#pragma once

#include "compose/model.h"
#include "compose/tree.h"

/* The whole project. Scalars that are `plain` are numbers, booleans and null; others are text. */
const YamlNode *model_of(Loader *l, const ComposeModel *model);

/* ---- values, in canonical form ---- */

YamlNode *model_text(Loader *l, const YamlNode *like, const char *text);
const YamlNode *model_path(Loader *l, const YamlNode *node); /* "./src" of "src" in its folder */
const YamlNode *model_size(Loader *l, const YamlNode *node);
const YamlNode *model_duration(Loader *l, const YamlNode *node);
const YamlNode *model_number(Loader *l, const YamlNode *node);
const YamlNode *model_bool(Loader *l, const YamlNode *node);
const YamlNode *model_mode(Loader *l, const YamlNode *node);  /* "0440" */
const YamlNode *model_octal(Loader *l, const YamlNode *node); /* 288 of 0440 */

/* ---- short forms to long ones ---- */

const YamlNode *model_ports(Loader *l, const YamlNode *node);
const YamlNode *model_mounts(Loader *l, const YamlNode *node);
const YamlNode *model_hosts(Loader *l, const YamlNode *node);
/* `folder`: where secrets go by themselves, or NULL. */
const YamlNode *model_grants(Loader *l, const YamlNode *node, const char *folder);

/* ---- printing ---- */

void model_print_json(StrBuf *out, const YamlNode *root);
void model_print_yaml(StrBuf *out, const YamlNode *root);
