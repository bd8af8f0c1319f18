/*
 * version - which version of the Engine API to speak. Pure.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

typedef struct ApiVersion {
    int major, minor;
} ApiVersion;

#define API_NEWEST ((ApiVersion){ 1, 51 }) /* the newest we were tried with */
#define API_OLDEST ((ApiVersion){ 1, 41 }) /* Docker 20.10 */

/* "1.41"; false leaves *ret alone. */
MUST_USE bool api_version_parse(const char *text, ApiVersion *ret);
int api_version_compare(ApiVersion a, ApiVersion b);
/*
 * min(engine's newest, ours), raised to the engine's oldest when that is above. E_ENGINE_REFUSED
 * when the engine is too old for us. `min_text` may be NULL or "".
 */
MUST_USE int api_version_negotiate(const char *max_text, const char *min_text, ApiVersion *ret,
                                   Error *err);
