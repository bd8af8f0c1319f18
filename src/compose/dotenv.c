#include "compose/dotenv.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <string.h>

enum { PAIRS_MAX = 2000 };

typedef struct Reader {
    Interpolation *in;
    Map *names; /* in->variables with what was read so far on top */
    Dotenv *ret;
    const char *p;
    int line;
} Reader;

static bool fail(Reader *r, const char *what)
{
    r->in->error = what;
    r->ret->error_line = r->line;
    return false;
}

static void skip_blanks(Reader *r)
{
    while (*r->p == ' ' || *r->p == '\t')
        r->p++;
}

static void skip_line(Reader *r)
{
    r->p += strcspn(r->p, "\n");
}

static bool put(Reader *r, const char *name, const char *value, int line)
{
    Dotenv *d = r->ret;

    if (d->n == PAIRS_MAX)
        return fail(r, "more than 2000 variables");
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 16;
        d->pairs =
            arena_grow(r->in->arena, d->pairs, d->n * sizeof *d->pairs, cap * sizeof *d->pairs);
        d->cap = cap;
    }
    d->pairs[d->n++] = (DotenvPair){ .name = name, .value = value, .line = line };
    if (value) {
        /* The map holds plain pointers; its values are only ever read. */
        union {
            const char *text;
            void *pointer;
        } u = { .text = value };
        map_put(r->names, name, u.pointer);
    }
    return true;
}

static const char *replace(Reader *r, const char *text)
{
    Interpolation in = { .arena = r->in->arena, .variables = r->names };
    const char *value = interpolate(&in, text);

    if (!value)
        fail(r, in.error);
    return value;
}

/* After a quoted value only blanks and a comment may follow. */
static bool end_of_quoted(Reader *r)
{
    skip_blanks(r);
    if (*r->p == '\r')
        r->p++;
    if (*r->p && *r->p != '\n' && *r->p != '#')
        return fail(r, "something follows the closing quote");
    skip_line(r);
    return true;
}

static const char *read_single(Reader *r)
{
    size_t len = strcspn(r->p + 1, "'");
    const char *value = arena_strndup(r->in->arena, r->p + 1, len);

    if (r->p[1 + len] != '\'') {
        fail(r, "the single quote is not closed");
        return NULL;
    }
    for (size_t i = 0; i < len; i++)
        r->line += value[i] == '\n';
    r->p += len + 2;
    return end_of_quoted(r) ? value : NULL;
}

static void add_escaped(StrBuf *b, char c)
{
    static const char from[] = "ntr\"\\'", to[] = "\n\t\r\"\\'";
    const char *at = strchr(from, c);

    if (c == '$') {
        strbuf_adds(b, "$$"); /* for interpolate() */
    } else if (at) {
        strbuf_addc(b, to[at - from]);
    } else {
        strbuf_addc(b, '\\');
        strbuf_addc(b, c);
    }
}

static const char *read_double(Reader *r)
{
    AUTO_STRBUF StrBuf b = { 0 };
    int first_line = r->line;

    for (r->p++; *r->p != '"'; r->p++) {
        if (!*r->p) {
            r->line = first_line;
            fail(r, "the double quote is not closed");
            return NULL;
        }
        r->line += *r->p == '\n';
        if (*r->p == '\\' && r->p[1])
            add_escaped(&b, *++r->p);
        else
            strbuf_addc(&b, *r->p);
    }
    r->p++;
    return end_of_quoted(r) ? replace(r, arena_strdup(r->in->arena, strbuf_str(&b))) : NULL;
}

static const char *read_unquoted(Reader *r, bool raw)
{
    size_t len = strcspn(r->p, "\n");
    char *value = arena_strndup(r->in->arena, r->p, len);

    r->p += len;
    if (raw) {
        if (len && value[len - 1] == '\r')
            value[len - 1] = '\0';
        return value;
    }
    if (*value == '#')
        *value = '\0';
    for (char *c = value; *c; c++) {
        if (*c == '#' && c > value && (c[-1] == ' ' || c[-1] == '\t')) {
            *c = '\0';
            break;
        }
    }
    return replace(r, str_trim(value));
}

static const char *read_value(Reader *r, bool raw)
{
    if (raw)
        return read_unquoted(r, true);
    skip_blanks(r);
    if (*r->p == '\'')
        return read_single(r);
    if (*r->p == '"')
        return read_double(r);
    return read_unquoted(r, false);
}

static bool read_pair(Reader *r, bool raw)
{
    size_t len;
    const char *name, *value;
    int line = r->line;

    if (!raw && str_starts(r->p, "export") && (r->p[6] == ' ' || r->p[6] == '\t')) {
        r->p += 6;
        skip_blanks(r);
    }
    len = strspn(r->p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    if (len == 0 || len > 255)
        return fail(r, "a line must look like NAME=value");
    name = arena_strndup(r->in->arena, r->p, len);
    r->p += len;
    if (!raw)
        skip_blanks(r);
    if (*r->p == '\0' || *r->p == '\n' || *r->p == '\r' || *r->p == '#') {
        skip_line(r);
        return put(r, name, NULL, line);
    }
    if (*r->p != '=' && (raw || *r->p != ':'))
        return fail(r, "a line must look like NAME=value");
    r->p++;
    value = read_value(r, raw);
    return value && put(r, name, value, line);
}

static void copy_names(Map *to, const Map *from)
{
    const char *name;
    void *value;
    size_t pos = 0;

    while (map_next(from, &pos, &name, &value))
        map_put(to, name, value);
}

bool dotenv_read(Interpolation *in, const char *text, bool raw, Dotenv *ret)
{
    AUTO_MAP Map *names = map_new();
    Reader r = { .in = in, .names = names, .ret = ret, .p = text, .line = 1 };

    *ret = (Dotenv){ 0 };
    if (strpbrk(text, "\x01\x02"))
        return fail(&r, "control characters are not allowed");
    copy_names(names, in->variables);
    if (str_starts(text, "\xEF\xBB\xBF"))
        r.p += 3;
    while (*r.p) {
        skip_blanks(&r);
        if (*r.p == '\n') {
            r.p++;
            r.line++;
        } else if (*r.p == '\r') {
            r.p++;
        } else if (*r.p == '#') {
            skip_line(&r);
        } else if (*r.p && !read_pair(&r, raw)) {
            return false;
        }
    }
    return true;
}
