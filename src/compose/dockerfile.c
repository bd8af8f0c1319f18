#include "compose/dockerfile.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char blanks[] = " \t\v\f\r";

typedef struct Reader {
    const char *next, *end;
    int line;  /* of `next` */
    bool head; /* no instruction yet: comments may be directives */
    DockerfileFinding *findings;
    size_t n;
} Reader;

static void found(Reader *r, DockerfileProblem problem, int line, const char *text, size_t len)
{
    DockerfileFinding *f;

    if (r->n == DOCKERFILE_FINDINGS_MAX)
        return;
    f = &r->findings[r->n++];
    f->problem = problem;
    f->line = line;
    (void)snprintf(f->text, sizeof f->text, "%.*s", (int)(len < 200 ? len : 200), text);
}

/* ---- words ---- */

/* What Go's TrimSpace could take away, and more: control characters and all that is not ASCII. */
static const char *skip_space(const char *s)
{
    while (*s && ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f))
        s++;
    return s;
}

/* After the keyword, or NULL when the line starts with another. */
static const char *after_keyword(const char *line, const char *keyword)
{
    size_t n = strlen(keyword);

    line = skip_space(line);
    if (strncasecmp(line, keyword, n) != 0 || (line[n] && !strchr(blanks, line[n])))
        return NULL;
    return line + n;
}

static const char *past_onbuild(const char *line)
{
    const char *rest;

    while ((rest = after_keyword(line, "ONBUILD")) != NULL)
        line = rest;
    return line;
}

/* The next word from *s on; its length, 0 at the end. */
static size_t next_word(const char **s)
{
    *s += strspn(*s, blanks);
    return strcspn(*s, blanks);
}

static bool has(const char *word, size_t len, const char *part)
{
    return memmem(word, len, part, strlen(part)) != NULL;
}

/* ---- ADD ---- */

/* A URL, a git repository, or user@host:path, which is git by ssh. */
static bool is_remote(const char *word, size_t len)
{
    static const char github[] = "github.com/";
    const char *start = skip_space(word);
    const char *at = memchr(word, '@', len);

    if (has(word, len, "://") || has(word, len, "git@"))
        return true;
    if (at && memchr(at, ':', len - (size_t)(at - word)))
        return true;
    return (size_t)(start - word) < len && strncasecmp(start, github, sizeof github - 1) == 0;
}

/* Variables, quotes and escapes are worked out by the builder. */
static bool is_unclear(const char *word, size_t len)
{
    return strncmp(word, "<<", 2) != 0 &&
           (memchr(word, '$', len) || memchr(word, '"', len) || memchr(word, '\'', len) ||
            memchr(word, '\\', len) || memchr(word, '`', len));
}

static void check_source(Reader *r, int line, const char *word, size_t len)
{
    if (is_remote(word, len))
        found(r, DOCKERFILE_REMOTE_ADD, line, word, len);
    else if (is_unclear(word, len))
        found(r, DOCKERFILE_UNCLEAR_ADD, line, word, len);
}

/*
 * ["a", "b"], or what looks like it but is none: then the builder splits and unquotes it as words.
 * What stays the same either way is the text without the punctuation.
 */
static void check_list(Reader *r, int line, const char *list)
{
    AUTO_STRBUF StrBuf b = { 0 };

    for (; *list; list++)
        if (!strchr("[],\" \t\v\f\r", *list))
            strbuf_addc(&b, *list);
    if (is_remote(strbuf_str(&b), b.len) || strcasestr(strbuf_str(&b), "github.com/"))
        found(r, DOCKERFILE_REMOTE_ADD, line, strbuf_str(&b), b.len);
    else if (is_unclear(strbuf_str(&b), b.len))
        found(r, DOCKERFILE_UNCLEAR_ADD, line, strbuf_str(&b), b.len);
}

/* `cut`: the next line starts like an instruction, so that the last word may not be the target. */
static void check_add(Reader *r, int line, const char *s, bool cut)
{
    const char *word = NULL;
    size_t len = next_word(&s), word_len = 0;

    while (len > 2 && strncmp(s, "--", 2) == 0) {
        s += len;
        len = next_word(&s);
    }
    if (*s == '[') {
        check_list(r, line, s);
        return;
    }
    for (; len > 0; len = next_word(&s)) {
        if (word)
            check_source(r, line, word, word_len);
        word = s;
        word_len = len;
        s += len;
    }
    if (word && cut)
        check_source(r, line, word, word_len);
}

/* ---- RUN ---- */

static void check_flag(Reader *r, int line, const char *flag)
{
    size_t len = strlen(flag);

    if (strncasecmp(flag, "--mount=", 8) == 0 && has(flag, len, "type=secret"))
        found(r, DOCKERFILE_SECRET_MOUNT, line, flag, len);
    else if (strncasecmp(flag, "--mount=", 8) == 0 && has(flag, len, "type=ssh"))
        found(r, DOCKERFILE_SSH_MOUNT, line, flag, len);
    else if (strcasecmp(flag, "--network=host") == 0 ||
             strcasecmp(flag, "--security=insecure") == 0)
        found(r, DOCKERFILE_PRIVILEGE, line, flag, len);
}

static void check_run(Reader *r, int line, const char *s)
{
    for (size_t len = next_word(&s); len > 2 && strncmp(s, "--", 2) == 0; len = next_word(&s)) {
        AUTO_STRBUF StrBuf flag = { 0 };
        for (size_t i = 0; i < len; i++)
            if (!strchr("\"'\\`", s[i]))
                strbuf_addc(&flag, s[i]);
        check_flag(r, line, strbuf_str(&flag));
        s += len;
    }
}

/* ---- directives ---- */

bool dockerfile_frontend_is_known(const char *reference)
{
    static const char *const known[] = { "docker/dockerfile:1", "docker.io/docker/dockerfile:1" };
    size_t n = strlen(reference);

    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)reference[i]) && !strchr("/:.-_@", reference[i]))
            return false;
    return str_starts(reference, known[0]) || str_starts(reference, known[1]);
}

/* "# syntax = x", also as "// syntax = x": after '=', or NULL. */
static const char *syntax_of(const char *line)
{
    static const char name[] = "syntax";

    line += strspn(line, "#/ \t\v\f\r");
    if (strncasecmp(line, name, sizeof name - 1) != 0)
        return NULL;
    line += sizeof name - 1;
    line += strspn(line, blanks);
    return *line == '=' ? skip_space(line + 1) : NULL;
}

/* False: an instruction. A file that starts with '{' may name a frontend too, as JSON. */
static bool read_directive(Reader *r, int line, char *text)
{
    const char *start = skip_space(text), *value;
    size_t n = strlen(text);

    while (n > 0 && strchr(blanks, text[n - 1]))
        text[--n] = '\0';
    if (*start == '{')
        found(r, DOCKERFILE_FRONTEND, line, start, strlen(start));
    if (*start && *start != '#' && strncmp(start, "//", 2) != 0)
        return false;
    value = syntax_of(start);
    if (value && !dockerfile_frontend_is_known(value))
        found(r, DOCKERFILE_FRONTEND, line, value, strlen(value));
    return true;
}

/* ---- lines ---- */

/* One line of the file, without its end; NUL becomes a blank of no kind. False at the end. */
static bool read_line(Reader *r, StrBuf *b)
{
    const char *end;

    if (r->next == r->end)
        return false;
    end = memchr(r->next, '\n', (size_t)(r->end - r->next));
    for (const char *p = r->next; p != (end ? end : r->end); p++)
        strbuf_addc(b, *p ? *p : '\x01');
    r->next = end ? end + 1 : r->end;
    r->line++;
    return true;
}

/* Takes a '\' or '`' at the end of the line away, with the blanks behind it. */
static bool take_escape(StrBuf *b)
{
    size_t n = b->len;

    while (n > 0 && strchr(blanks, b->data[n - 1]))
        n--;
    if (n == 0 || (b->data[n - 1] != '\\' && b->data[n - 1] != '`'))
        return false;
    b->len = n - 1;
    b->data[b->len] = '\0';
    return true;
}

static bool is_comment_or_empty(const char *line)
{
    line = skip_space(line);
    return *line == '#' || *line == '\0';
}

/*
 * Within an instruction, comments and empty lines do not end it. A comment that is indented is text
 * to old builders and a comment to new ones: it is read as both.
 */
static bool join(StrBuf *text, StrBuf *next)
{
    bool more = is_comment_or_empty(strbuf_str(next));

    if (take_escape(next))
        more = true;
    if (strbuf_str(next)[0] != '#')
        strbuf_add(text, strbuf_str(next), next->len);
    return more;
}

static bool starts_instruction(const char *line)
{
    return after_keyword(line, "ADD") || after_keyword(line, "RUN") ||
           after_keyword(line, "ONBUILD");
}

static void check_instruction(Reader *r, int line, const char *text, bool cut)
{
    const char *rest, *start = past_onbuild(text);

    if ((rest = after_keyword(start, "ADD")) != NULL)
        check_add(r, line, rest, cut);
    else if ((rest = after_keyword(start, "RUN")) != NULL)
        check_run(r, line, rest);
}

/* One instruction, with the lines that continue it. False at the end. */
static bool read_instruction(Reader *r)
{
    AUTO_STRBUF StrBuf text = { 0 };
    int line = r->line;
    bool cut = false, more;

    if (!read_line(r, &text))
        return false;
    if (r->head && read_directive(r, line, text.data ? text.data : (char[]){ "" }))
        return true;
    r->head = false;
    if (is_comment_or_empty(strbuf_str(&text)))
        return true;
    for (more = take_escape(&text); more;) {
        const Reader before = *r;
        AUTO_STRBUF StrBuf next = { 0 };
        if (!read_line(r, &next))
            break;
        cut = starts_instruction(strbuf_str(&next));
        if (cut) {
            *r = before;
            break;
        }
        more = join(&text, &next);
    }
    check_instruction(r, line, strbuf_str(&text), cut);
    return true;
}

size_t dockerfile_check(const char *text, size_t len,
                        DockerfileFinding ret[static DOCKERFILE_FINDINGS_MAX])
{
    Reader r = { .next = text, .end = text + len, .line = 1, .head = true, .findings = ret };

    while (r.n < DOCKERFILE_FINDINGS_MAX && read_instruction(&r))
        ;
    return r.n;
}
