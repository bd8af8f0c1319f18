/*
 * value - one setting's text into its member and back.
 */
#pragma once

#include "settings/spec.h"

/*
 * Parses `text` into the member (freeing what a text member held). False leaves it as it was and
 * appends to `why` what was expected: "a whole number from 1024 to 65535".
 */
MUST_USE bool value_parse(const SettingSpec *spec, const char *text, Settings *into, StrBuf *why);
/* The value as it could stand in a `.env` file, secrets included. */
void value_format(const SettingSpec *spec, const Settings *settings, StrBuf *out);
/* What may be written: "1024 to 65535", "a, b or c", "true or false"; empty when anything may. */
void value_range(const SettingSpec *spec, StrBuf *out);

/* "10.240.0.0/16"; the address in host byte order. */
MUST_USE bool value_parse_cidr(const char *text, uint32_t *ret_address, int *ret_bits);
