/*
 * image_path - "/images/<reference><tail>", encoded. Pure.
 */
#pragma once

#include "base/strbuf.h"

void image_path(StrBuf *out, const char *reference, const char *tail);
