#include "docker/buildkit.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

/* "# name = value" at the start of a file; the value, or NULL. */
static const char *directive(const char *line, const char *name)
{
    size_t n = strlen(name);

    if (*line != '#')
        return NULL;
    line = skip_blanks(line + 1);
    if (strncasecmp(line, name, n) != 0)
        return NULL;
    line = skip_blanks(line + n);
    return *line == '=' ? skip_blanks(line + 1) : NULL;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* <<EOF <<-EOF <<"EOF"; "<<<" and "1 << 2" are none. */
static bool has_heredoc(const char *s)
{
    for (s = strstr(s, "<<"); s; s = strstr(s, "<<")) {
        const char *start = s;
        s += strspn(s, "<");
        if (s - start != 2)
            continue;
        if (*s == '-')
            s++;
        if (*s == '"' || *s == '\'')
            s++;
        if (is_word(*s))
            return true;
    }
    return false;
}

/* One of the leading --flags of an instruction is in the list. */
static bool has_flag(const char *s, const char *const *flags)
{
    for (s = skip_blanks(s); s[0] == '-' && s[1] == '-'; s = skip_blanks(s)) {
        size_t n = strcspn(s + 2, "= \t");
        for (size_t i = 0; flags[i]; i++)
            if (strlen(flags[i]) == n && strncasecmp(s + 2, flags[i], n) == 0)
                return true;
        s += strcspn(s, " \t");
    }
    return false;
}

static bool instruction_needs(const char *line)
{
    static const char *const run[] = { "mount", "network", "security", NULL };
    static const char *const copy[] = { "chmod",    "link",         "parents", "exclude",
                                        "checksum", "keep-git-dir", "unpack",  NULL };
    size_t n = strcspn(line, " \t");
    bool is_run = n == 3 && strncasecmp(line, "RUN", n) == 0;
    bool is_copy = (n == 4 && strncasecmp(line, "COPY", n) == 0) ||
                   (n == 3 && strncasecmp(line, "ADD", n) == 0);

    if (!is_run && !is_copy)
        return false;
    return has_flag(line + n, is_run ? run : copy) || has_heredoc(line + n);
}

/* What the walk over the lines remembers. */
typedef struct DockerfileScan {
    StrBuf logical; /* the instruction put together so far */
    char escape;
    bool directives; /* still in the head, where `# syntax=` counts */
    bool needed;
} DockerfileScan;

static void scan_line(DockerfileScan *scan, char *raw)
{
    const char *line = skip_blanks(raw), *value;
    size_t n = strlen(line);

    if (scan->directives && *line == '#') {
        if (directive(line, "syntax"))
            scan->needed = true;
        else if ((value = directive(line, "escape")) && *value)
            scan->escape = *value;
        else
            scan->directives = false;
        return;
    }
    scan->directives = false;
    if (*line == '#' || (*line == '\0' && scan->logical.len > 0))
        return; /* comments and blank lines do not end a continued instruction */
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
        n--;
    if (n > 0 && line[n - 1] == scan->escape) {
        strbuf_add(&scan->logical, line, n - 1);
        strbuf_addc(&scan->logical, ' ');
        return;
    }
    strbuf_add(&scan->logical, line, n);
    scan->needed |= instruction_needs(strbuf_str(&scan->logical));
    strbuf_clear(&scan->logical);
}

bool buildkit_needed(const char *dockerfile, size_t len)
{
    DockerfileScan scan = { .escape = '\\', .directives = true };
    StrBuf line = { 0 };

    if (len >= 3 && memcmp(dockerfile, "\xef\xbb\xbf", 3) == 0) {
        dockerfile += 3;
        len -= 3;
    }
    while (len > 0 && !scan.needed) {
        const char *newline = memchr(dockerfile, '\n', len);
        size_t n = newline ? (size_t)(newline - dockerfile) : len;

        strbuf_clear(&line);
        strbuf_add(&line, dockerfile, n);
        strbuf_reserve(&line, 0);
        line.data[line.len] = '\0';
        scan_line(&scan, line.data);
        n += newline != NULL;
        dockerfile += n;
        len -= n;
    }
    if (!scan.needed && scan.logical.len > 0)
        scan.needed = instruction_needs(strbuf_str(&scan.logical));
    strbuf_fini(&line);
    strbuf_fini(&scan.logical);
    return scan.needed;
}
