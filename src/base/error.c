#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int http;
    const char *slug, *text;
} rows[E_COUNT] = {
    [E_NONE] = { 200, "none", "" },
#define ERROR_CODE(name, http, slug, text) [E_##name] = { (http), (slug), (text) },
#include "base/error_codes.def"
#undef ERROR_CODE
};

int error_set_at(Error *err, ErrorCode code, const char *file, int line, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return -1;
    err->code = code;
    err->sys_errno = 0;
    err->file = file;
    err->line = line;
    va_start(args, fmt);
    (void)vsnprintf(err->detail, sizeof err->detail, fmt, args);
    va_end(args);
    return -1;
}

int error_sys_at(Error *err, const char *file, int line, const char *fmt, ...)
{
    int saved = errno;
    va_list args;
    size_t n;

    if (!err)
        return -1;
    err->code = E_INTERNAL;
    err->sys_errno = saved;
    err->file = file;
    err->line = line;
    va_start(args, fmt);
    (void)vsnprintf(err->detail, sizeof err->detail, fmt, args);
    va_end(args);
    n = strlen(err->detail);
    (void)snprintf(err->detail + n, sizeof err->detail - n, ": %s", strerror(saved));
    errno = saved;
    return -1;
}

int error_wrap(Error *err, const char *fmt, ...)
{
    char old[sizeof err->detail];
    va_list args;
    size_t n;

    if (!err)
        return -1;
    memcpy(old, err->detail, sizeof old);
    va_start(args, fmt);
    (void)vsnprintf(err->detail, sizeof err->detail, fmt, args);
    va_end(args);
    n = strlen(err->detail);
    (void)snprintf(err->detail + n, sizeof err->detail - n, ": %s", old);
    return -1;
}

int error_http_status(ErrorCode code)
{
    return code < E_COUNT ? rows[code].http : 500;
}

const char *error_slug(ErrorCode code)
{
    return code < E_COUNT ? rows[code].slug : "internal_error";
}

const char *error_public_text(ErrorCode code)
{
    return code < E_COUNT ? rows[code].text : rows[E_INTERNAL].text;
}
