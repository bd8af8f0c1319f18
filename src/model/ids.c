#include "model/ids.h"
#include "base/alloc.h"
#include "base/crypto.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_slug_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

char *ids_slug(const char *text, size_t max, const char *fallback)
{
    char *slug = xmalloc(max + 1);
    size_t n = 0;

    for (; *text && n < max; text++) {
        char c = (char)tolower((unsigned char)*text);
        if (is_slug_char(c)) {
            if (n > 0 || (c != '-' && c != '_'))
                slug[n++] = c;
        } else if (n > 0 && slug[n - 1] != '-') {
            slug[n++] = '-';
        }
    }
    while (n > 0 && (slug[n - 1] == '-' || slug[n - 1] == '_'))
        n--;
    slug[n] = '\0';
    if (n == 0) {
        free(slug);
        return xstrdup(fallback);
    }
    return slug;
}

void ids_make_instance(const char *challenge_id, const char *owner_id,
                       char ret_id[INSTANCE_ID_SIZE])
{
    AUTO_FREE char *challenge = ids_slug(challenge_id, 48, "challenge");
    AUTO_FREE char *owner = ids_slug(owner_id, 16, "owner");
    char hex[9];

    crypto_random_hex(hex, 4);
    (void)snprintf(ret_id, INSTANCE_ID_SIZE, "%s-%s-%s", challenge, owner, hex);
}

bool ids_is_instance(const char *name)
{
    size_t n = strlen(name);
    const char *dash;

    if (n < 12 || n >= INSTANCE_ID_SIZE || !isalnum((unsigned char)name[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_slug_char(name[i]))
            return false;
    for (size_t i = n - 8; i < n; i++)
        if (!strchr("0123456789abcdef", name[i]))
            return false;
    if (name[n - 9] != '-')
        return false;
    dash = memchr(name, '-', n - 9);
    return dash && dash > name && dash < name + n - 10;
}

bool ids_is_challenge(const char *id)
{
    size_t n = strlen(id);

    if (n == 0 || n > CHALLENGE_ID_MAX || !isalnum((unsigned char)id[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)id[i]) && !strchr("._- ", id[i]))
            return false;
    return strstr(id, "..") == NULL;
}
