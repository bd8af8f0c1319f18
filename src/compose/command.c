#include "base/alloc.h"
#include "base/strbuf.h"
#include "base/str.h"
#include "compose/field.h"

#include <string.h>

typedef struct Words {
    PlanStrings list;
    size_t cap;
} Words;

static void add_word(Loader *l, Words *w, StrBuf *word)
{
    if (w->list.n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 8;
        w->list.items = arena_grow(l->arena, w->list.items, w->list.n * sizeof *w->list.items,
                                   cap * sizeof *w->list.items);
        w->cap = cap;
    }
    w->list.items[w->list.n++] = arena_strdup(l->arena, strbuf_str(word));
    strbuf_clear(word);
}

/* Copies a marker whole: what it will become is one piece of a word, however it looks. */
static const char *copy_marker(StrBuf *word, const char *p)
{
    int depth = 0;

    do {
        depth += *p == '\x01';
        depth -= *p == '\x02';
        strbuf_addc(word, *p++);
    } while (depth > 0 && *p);
    return p;
}

/* The rest of a quoted piece; NULL when it is not closed. */
static const char *copy_quoted(StrBuf *word, const char *p)
{
    char quote = *p++;

    while (*p != quote) {
        if (!*p)
            return NULL;
        if (*p == '\x01') {
            p = copy_marker(word, p);
            continue;
        }
        if (quote == '"' && *p == '\\' && p[1] && strchr("\"\\$`\n", p[1]))
            p++;
        strbuf_addc(word, *p++);
    }
    return p + 1;
}

/* One word as a shell reads it, without expansion; NULL with *ret_error. */
static const char *copy_word(StrBuf *word, const char *p, const char **ret_error)
{
    while (*p && !strchr(" \t\r\n", *p)) {
        if (*p == '\x01') {
            p = copy_marker(word, p);
        } else if (*p == '\'' || *p == '"') {
            p = copy_quoted(word, p);
            if (!p) {
                *ret_error = "a quote is not closed";
                return NULL;
            }
        } else {
            if (*p == '\\') {
                if (!*++p) {
                    *ret_error = "it ends in a backslash";
                    return NULL;
                }
            }
            strbuf_addc(word, *p++);
        }
    }
    return p;
}

static PlanStrings split_words(Loader *l, const Field *f, const char *text)
{
    static const char *const shell[] = { "&&", "||", "|", ";", "&", ">", ">>", "<" };
    AUTO_STRBUF StrBuf word = { 0 };
    Words w = { 0 };
    const char *error = NULL;

    for (const char *p = text; *p;) {
        if (strchr(" \t\r\n", *p)) {
            p++;
            continue;
        }
        p = copy_word(&word, p, &error);
        if (!p) {
            field_error(l, f, "bad-command", "write it as a list, or quote the quote",
                        "the command cannot be split into words: %s", error);
            break;
        }
        if (str_in(strbuf_str(&word), shell, ARRAY_LEN(shell)))
            field_warn(l, f, "no-shell", "write [\"sh\", \"-c\", \"...\"]",
                       "no shell runs this, so '%s' is passed on as a word", strbuf_str(&word));
        add_word(l, &w, &word);
    }
    return w.list;
}

static void load_words(Loader *l, const Field *service, const char *key, bool *ret_has,
                       PlanStrings *ret)
{
    Field f;

    if (!field_get(service, key, &f))
        return;
    *ret_has = true;
    if (f.node->kind == YAML_SCALAR)
        *ret = split_words(l, &f, f.node->text);
    else
        *ret = field_strings(l, &f, false, true);
}

void load_command(Loader *l, const Field *service, PlanService *s)
{
    load_words(l, service, "command", &s->has_command, &s->command);
    load_words(l, service, "entrypoint", &s->has_entrypoint, &s->entrypoint);
}
