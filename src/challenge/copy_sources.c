#include "challenge/copy_sources.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "wire/json_read.h"

#include <ctype.h>
#include <string.h>

enum { HEREDOC_NAME_MAX = 64 };

typedef struct Reader {
    Arena *arena;
    const char *at, *end;
    int line; /* of the physical line that comes next */
    char escape;
    CopySources *out;
} Reader;

/* The next physical line without its end and the blanks around it; false after the last. */
static bool next_line(Reader *r, const char **ret, size_t *ret_len)
{
    const char *newline, *stop, *from = r->at;

    if (r->at >= r->end)
        return false;
    newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    stop = newline ? newline : r->end;
    r->at = newline ? newline + 1 : r->end;
    r->line++;
    while (from < stop && isspace((unsigned char)*from))
        from++;
    while (stop > from && isspace((unsigned char)stop[-1]))
        stop--;
    *ret = from;
    *ret_len = (size_t)(stop - from);
    return true;
}

/* `# escape=` in the first lines; they are comments for everybody else. */
static void read_directives(Reader *r)
{
    const char *text;
    size_t len;
    Reader ahead = *r;

    while (next_line(&ahead, &text, &len) && len > 0 && text[0] == '#') {
        const char *sign = memchr(text, '=', len);
        if (!sign)
            return;
        if (memmem(text, (size_t)(sign - text), "escape", 6) && text[len - 1] == '`')
            r->escape = '`';
    }
}

/* One instruction, its continuation lines joined; comments and empty lines left out. */
static bool next_instruction(Reader *r, StrBuf *out, int *ret_line)
{
    const char *text;
    size_t len;
    bool goes_on = false;

    strbuf_clear(out);
    while (next_line(r, &text, &len)) {
        if (len == 0 || text[0] == '#')
            continue;
        if (!goes_on)
            *ret_line = r->line;
        goes_on = text[len - 1] == r->escape;
        strbuf_add(out, text, goes_on ? len - 1 : len);
        if (!goes_on)
            return true;
        strbuf_addc(out, ' ');
    }
    return out->len > 0;
}

/* Reads past the text of `<<NAME`, `<<-NAME` and `<<"NAME"`, one after the other. */
static void skip_heredocs(Reader *r, const char *instruction)
{
    for (const char *p = strstr(instruction, "<<"); p; p = strstr(p, "<<")) {
        char name[HEREDOC_NAME_MAX];
        const char *line;
        size_t n = 0, len;

        for (p += 2; *p == '-' || *p == '"' || *p == '\'';)
            p++;
        while (n + 1 < sizeof name && (isalnum((unsigned char)p[n]) || p[n] == '_')) {
            name[n] = p[n];
            n++;
        }
        name[n] = '\0';
        while (n > 0 && next_line(r, &line, &len))
            if (len == n && memcmp(line, name, n) == 0)
                break;
    }
}

/* --- sources -------------------------------------------------------------------------------- */

/* The path without "./" and "/" at its start and end; NULL when nothing certain can be said. */
static const char *plain_path(Arena *arena, const char *word)
{
    char *path;
    size_t n;

    if (strpbrk(word, "$*?[\"'\\`") || strstr(word, "..") || strstr(word, "://") ||
        str_starts(word, "<<") || str_starts(word, "git@"))
        return NULL;
    while (word[0] == '/' || (word[0] == '.' && (word[1] == '/' || word[1] == '\0')))
        word++;
    path = arena_strdup(arena, word);
    for (n = strlen(path); n > 0 && path[n - 1] == '/'; n--)
        path[n - 1] = '\0';
    return path[0] ? path : NULL;
}

static void add_source(Reader *r, const char *instruction, int line, const char *word)
{
    CopySources *out = r->out;
    const char *path = plain_path(r->arena, word);

    if (!path || out->n >= COPY_SOURCES_MAX)
        return;
    if (out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 16;
        out->items =
            arena_grow(r->arena, out->items, out->n * sizeof *out->items, cap * sizeof *out->items);
        out->cap = cap;
    }
    out->items[out->n++] = (CopySource){ path, instruction, line };
}

/* ["a", "b", "/to/"] */
static void add_json(Reader *r, const char *instruction, int line, const char *list)
{
    AUTO_JSON JsonValue *json = NULL;
    Error err;

    if (json_parse(&json, list, strlen(list), &err) < 0)
        return;
    for (size_t i = 0; i + 1 < json_value_len(json); i++)
        add_source(r, instruction, line, json_value_string(json_value_at(json, i), "$"));
}

/* --flag a b /to/ */
static void add_words(Reader *r, const char *instruction, int line, char *rest)
{
    const char *before = NULL;
    char *state = NULL;

    for (char *word = strtok_r(rest, " \t", &state); word; word = strtok_r(NULL, " \t", &state)) {
        if (before)
            add_source(r, instruction, line, before);
        before = word;
    }
}

static void take(Reader *r, const char *instruction, int line, char *rest)
{
    rest = str_trim(rest);
    while (str_starts(rest, "--")) {
        if (str_starts(rest, "--from"))
            return; /* of another stage or image */
        while (*rest && !isspace((unsigned char)*rest))
            rest++;
        rest = str_trim(rest);
    }
    if (rest[0] == '[')
        add_json(r, instruction, line, rest);
    else
        add_words(r, instruction, line, rest);
}

void copy_sources_read(Arena *arena, const char *text, size_t len, CopySources *ret)
{
    AUTO_STRBUF StrBuf buf = { 0 };
    Reader r = { .arena = arena, .at = text, .end = text + len, .escape = '\\', .out = ret };
    int line = 0;

    read_directives(&r);
    while (next_instruction(&r, &buf, &line)) {
        AUTO_FREE char *copy = strbuf_take(&buf);
        bool is_copy = strncasecmp(copy, "COPY ", 5) == 0 || strncasecmp(copy, "COPY\t", 5) == 0;
        bool is_add = strncasecmp(copy, "ADD ", 4) == 0 || strncasecmp(copy, "ADD\t", 4) == 0;

        if (is_copy || is_add || strncasecmp(copy, "RUN", 3) == 0)
            skip_heredocs(&r, copy);
        if (is_copy || is_add)
            take(&r, is_copy ? "COPY" : "ADD", line, copy + (is_copy ? 4 : 3));
    }
}
