/*
 * checks - what the type of a setting does not say: the shape of texts, and settings that must
 * agree with each other.
 */
#pragma once

#include "settings/spec.h"

/*
 * NULL when the text is fine for setting `index`, else what was expected ("an http:// or https://
 * URL"). May rewrite it to its canonical form.
 */
const char *checks_text(size_t index, Settings *settings);

/* `origins[SETTING_x]` says where each value came from. */
void checks_together(const Settings *settings, const DiagAt origins[SETTING_COUNT],
                     DiagList *diags);
