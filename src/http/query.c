#include "http/query.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One decoded byte from text[*pos], or -1; *pos moves past it. */
static int decode_byte(const char *text, size_t n, size_t *pos, bool form)
{
    char c = text[(*pos)++];
    int high, low;

    if (c == '+' && form)
        return ' ';
    if (c != '%')
        return (unsigned char)c;
    if (n - *pos < 2)
        return -1;
    high = hex_digit(text[*pos]);
    low = hex_digit(text[*pos + 1]);
    if (high < 0 || low < 0)
        return -1;
    *pos += 2;
    return high * 16 + low;
}

bool percent_decode(const char *text, size_t n, bool form, char *ret_text, size_t *ret_len)
{
    size_t len = 0;

    for (size_t pos = 0; pos < n;) {
        int byte = decode_byte(text, n, &pos, form);

        if (byte <= 0 || (!form && (byte < 0x20 || byte == 0x7f)))
            return false;
        ret_text[len++] = (char)(unsigned char)byte;
    }
    ret_text[len] = '\0';
    *ret_len = len;
    return str_is_utf8(ret_text, len);
}

bool target_split(const char *target, Target *ret)
{
    static const char scheme[] = "http://";
    const char *path = target;

    if (strncasecmp(target, scheme, strlen(scheme)) == 0) {
        size_t authority = strcspn(target + strlen(scheme), "/?#");

        path = target + strlen(scheme) + authority;
        if (authority == 0)
            return false;
        if (*path != '/') { /* "http://host" and "http://host?q" mean "/" */
            *ret = (Target){ .path = "/", .path_len = 1, .query = *path == '?' ? path + 1 : "" };
            return *path != '#';
        }
    }
    if (*path != '/' || strchr(path, '#'))
        return false;
    ret->path = path;
    ret->path_len = strcspn(path, "?");
    ret->query = path[ret->path_len] == '?' ? path + ret->path_len + 1 : "";
    return true;
}

bool query_is_well_formed(const char *query)
{
    size_t n = strlen(query);

    for (size_t pos = 0; pos < n;)
        if (decode_byte(query, n, &pos, true) <= 0)
            return false;
    return true;
}

static bool key_matches(const char *text, size_t n, const char *key)
{
    size_t pos = 0;

    while (pos < n) {
        int byte = decode_byte(text, n, &pos, true);

        if (byte <= 0 || byte != (unsigned char)*key++)
            return false;
    }
    return *key == '\0';
}

const char *query_get(Arena *arena, const char *query, const char *key)
{
    for (const char *pair = query; *pair;) {
        size_t len = strcspn(pair, "&"), name_len = strcspn(pair, "&=");

        if (len > 0 && key_matches(pair, name_len, key)) {
            size_t value_at = name_len < len ? name_len + 1 : len, n = len - value_at;
            char *value = arena_alloc(arena, n + 1);

            return percent_decode(pair + value_at, n, true, value, &n) ? value : NULL;
        }
        pair += len + (pair[len] == '&');
    }
    return NULL;
}
