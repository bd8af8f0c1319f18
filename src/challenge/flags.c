#include "challenge/flags.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

static const char *const delivery_names[] = { "auto", "env", "copy", "commit", "build", "none" };

const char *flag_delivery_name(FlagDelivery delivery)
{
    return delivery_names[delivery];
}

bool flag_delivery_parse(const char *text, FlagDelivery *ret)
{
    for (size_t i = 0; i < (size_t)FLAG_NONE; i++) {
        if (str_eq(text, delivery_names[i])) {
            *ret = (FlagDelivery)i;
            return true;
        }
    }
    return false;
}

/* --- text ----------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* `rest` stands behind the opening brace. */
static bool closes(const char *rest, size_t len)
{
    for (size_t i = 0; i < len && i <= FLAG_PLACEHOLDER_MAX; i++) {
        unsigned char c = (unsigned char)rest[i];
        if (c == '}')
            return i > 0;
        if (c == '{' || c < 0x20 || c == 0x7f)
            return false;
    }
    return false;
}

static FlagAt position(const char *text, size_t offset)
{
    FlagAt at = { .line = 1, .column = 1 };

    for (size_t i = 0; i < offset; i++) {
        at.column++;
        if (text[i] == '\n')
            at = (FlagAt){ .line = at.line + 1, .column = 1 };
    }
    return at;
}

bool flag_find(const char *text, size_t len, const char *prefix, FlagAt *ret)
{
    size_t n = strlen(prefix), from = 0;

    while (n > 0 && from < len) {
        const char *hit = memmem(text + from, len - from, prefix, n);
        size_t at = hit ? (size_t)(hit - text) : len, brace = at + n;
        if (!hit)
            return false;
        if (brace < len && text[brace] == '{' && (at == 0 || !is_word(text[at - 1])) &&
            closes(text + brace + 1, len - brace - 1)) {
            *ret = position(text, at);
            return true;
        }
        from = at + 1;
    }
    return false;
}

/* --- the compose file ----------------------------------------------------------------------- */

bool flag_in_template(const char *text)
{
    static const char *const names[] = { "FLAG", "DYNAMIC_FLAG" };

    for (const char *p = text ? strchr(text, '\x01') : NULL; p; p = strchr(p + 1, '\x01'))
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (str_starts(p + 1, names[i]) && !is_word(p[1 + strlen(names[i])]))
                return true;
    return false;
}

static bool in_strings(PlanStrings strings)
{
    for (size_t i = 0; i < strings.n; i++)
        if (flag_in_template(strings.items[i]))
            return true;
    return false;
}

static bool in_service(const PlanService *s)
{
    for (size_t i = 0; i < s->n_environment; i++)
        if (flag_in_template(s->environment[i].value))
            return true;
    for (size_t i = 0; i < s->n_files; i++)
        if (flag_in_template(s->files[i].content))
            return true;
    return in_strings(s->command) || in_strings(s->entrypoint) || in_strings(s->healthcheck.test);
}

const PlanService *flag_service_of(const Plan *plan)
{
    for (size_t i = 0; i < plan->n_services; i++)
        if (in_service(&plan->services[i]))
            return &plan->services[i];
    return NULL;
}
