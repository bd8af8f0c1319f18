#include "settings/value.h"
#include "base/alloc.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void *member(const SettingSpec *spec, Settings *settings)
{
    return (char *)settings + spec->offset;
}

static const void *member_get(const SettingSpec *spec, const Settings *settings)
{
    return (const char *)settings + spec->offset;
}

/* 402653184 as "384m": the largest unit that divides it. */
static void format_bytes(int64_t bytes, StrBuf *out)
{
    static const char *const units[] = { "", "k", "m", "g", "t" };
    size_t u = 0;

    for (; bytes > 0 && bytes % 1024 == 0 && u + 1 < ARRAY_LEN(units); u++)
        bytes /= 1024;
    strbuf_addf(out, "%" PRId64 "%s", bytes, units[u]);
}

static void list_choices(const char *choices, StrBuf *out)
{
    const char *left = choices;

    for (;;) {
        size_t n = strcspn(left, "|");

        strbuf_add(out, left, n);
        left += n;
        if (*left == '\0')
            return;
        left++;
        strbuf_adds(out, strchr(left, '|') ? ", " : " or ");
    }
}

void value_range(const SettingSpec *spec, StrBuf *out)
{
    switch (spec->type) {
    case SETTING_TYPE_INT:
        strbuf_addf(out, "%.0f to %.0f", spec->min, spec->max);
        break;
    case SETTING_TYPE_DECIMAL:
        strbuf_addf(out, "%g to %g", spec->min, spec->max);
        break;
    case SETTING_TYPE_BYTES:
        format_bytes((int64_t)spec->min, out);
        strbuf_adds(out, " to ");
        format_bytes((int64_t)spec->max, out);
        break;
    case SETTING_TYPE_BOOL:
        strbuf_adds(out, "true or false");
        break;
    case SETTING_TYPE_CHOICE:
        list_choices(spec->unit, out);
        break;
    case SETTING_TYPE_TEXT:
    case SETTING_TYPE_CIDR:
        break;
    }
}

bool value_parse_cidr(const char *text, uint32_t *ret_address, int *ret_bits)
{
    char address[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    struct in_addr in;
    int64_t bits;

    if (!slash || (size_t)(slash - text) >= sizeof address)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    if (inet_pton(AF_INET, address, &in) != 1 || !str_parse_i64(slash + 1, 0, 32, &bits))
        return false;
    *ret_address = ntohl(in.s_addr);
    *ret_bits = (int)bits;
    return true;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);

    for (const char *at = choices;; at++) {
        size_t n = strcspn(at, "|");

        if (n == len && memcmp(at, text, n) == 0)
            return true;
        at += n;
        if (*at == '\0')
            return false;
    }
}

static bool expected(const SettingSpec *spec, const char *what, StrBuf *why)
{
    strbuf_adds(why, what);
    value_range(spec, why);
    return false;
}

static bool parse_int(const SettingSpec *spec, const char *text, Settings *into, StrBuf *why)
{
    int64_t value;

    if (!str_parse_i64(text, (int64_t)spec->min, (int64_t)spec->max, &value))
        return expected(spec, "a whole number from ", why);
    *(int64_t *)member(spec, into) = value;
    return true;
}

static bool parse_decimal(const SettingSpec *spec, const char *text, Settings *into, StrBuf *why)
{
    double value;

    if (!str_parse_decimal(text, &value) || value < spec->min || value > spec->max)
        return expected(spec, "a number from ", why);
    *(double *)member(spec, into) = value;
    return true;
}

static bool parse_bytes(const SettingSpec *spec, const char *text, Settings *into, StrBuf *why)
{
    int64_t value;

    if (!str_parse_bytes(text, &value) || value < (int64_t)spec->min || value > (int64_t)spec->max)
        return expected(spec, "a size from ", why);
    *(int64_t *)member(spec, into) = value;
    return true;
}

static void set_text(const SettingSpec *spec, const char *text, Settings *into)
{
    char **at = setting_text(spec, into);

    free(*at);
    *at = xstrdup(text);
}

/* A choice in any case, kept in lower case. */
static bool parse_choice(const SettingSpec *spec, const char *text, Settings *into, StrBuf *why)
{
    AUTO_FREE char *lower = xstrdup(text);

    for (char *p = lower; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    if (!is_choice(spec->unit, lower))
        return expected(spec, "one of ", why);
    set_text(spec, lower, into);
    return true;
}

static bool parse_network(const SettingSpec *spec, const char *text, Settings *into, StrBuf *why)
{
    uint32_t address, host;
    int bits;

    if (!value_parse_cidr(text, &address, &bits) || bits < 8) {
        strbuf_adds(why, "an IPv4 network of /8 or smaller, such as 10.240.0.0/16");
        return false;
    }
    host = bits == 32 ? 0 : UINT32_MAX >> bits;
    if (address & host) {
        struct in_addr in = { htonl(address & ~host) };
        char first[INET_ADDRSTRLEN];

        strbuf_addf(why, "the first address of a /%d network; that would be %s/%d", bits,
                    inet_ntop(AF_INET, &in, first, sizeof first), bits);
        return false;
    }
    set_text(spec, text, into);
    return true;
}

static bool parse_text(const SettingSpec *spec, const char *text, Settings *into, StrBuf *why)
{
    bool clean = str_is_utf8(text, strlen(text));

    for (const char *p = text; *p; p++)
        clean = clean && (unsigned char)*p >= ' ' && *p != 0x7f;
    if (!clean) {
        strbuf_adds(why, "UTF-8 text without control characters");
        return false;
    }
    set_text(spec, text, into);
    return true;
}

bool value_parse(const SettingSpec *spec, const char *text, Settings *into, StrBuf *why)
{
    switch (spec->type) {
    case SETTING_TYPE_INT:
        return parse_int(spec, text, into, why);
    case SETTING_TYPE_DECIMAL:
        return parse_decimal(spec, text, into, why);
    case SETTING_TYPE_BYTES:
        return parse_bytes(spec, text, into, why);
    case SETTING_TYPE_CHOICE:
        return parse_choice(spec, text, into, why);
    case SETTING_TYPE_CIDR:
        return parse_network(spec, text, into, why);
    case SETTING_TYPE_BOOL:
        return str_parse_bool(text, member(spec, into)) || expected(spec, "", why);
    case SETTING_TYPE_TEXT:
        break;
    }
    return parse_text(spec, text, into, why);
}

void value_format(const SettingSpec *spec, const Settings *settings, StrBuf *out)
{
    const void *at = member_get(spec, settings);

    switch (spec->type) {
    case SETTING_TYPE_INT:
        strbuf_addf(out, "%" PRId64, *(const int64_t *)at);
        break;
    case SETTING_TYPE_DECIMAL:
        strbuf_addf(out, "%g", *(const double *)at);
        break;
    case SETTING_TYPE_BYTES:
        format_bytes(*(const int64_t *)at, out);
        break;
    case SETTING_TYPE_BOOL:
        strbuf_adds(out, *(const bool *)at ? "true" : "false");
        break;
    case SETTING_TYPE_TEXT:
    case SETTING_TYPE_CHOICE:
    case SETTING_TYPE_CIDR:
        strbuf_adds(out, setting_text_get(spec, settings));
        break;
    }
}
