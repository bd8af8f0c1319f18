#include "docker/dockerignore.h"
#include "base/str.h"
#include "base/vec.h"
#include "docker/pattern.h"

typedef struct IgnoreRule {
    char *pattern;
    bool exception;
} IgnoreRule;

struct Dockerignore {
    VEC(IgnoreRule) rules;
    bool has_exceptions;
};

/* Blank and comment lines give no rule; "!" alone is an error. */
static int parse_line(Dockerignore *d, char *line, int number, Error *err)
{
    bool exception;

    if (line[0] == '#')
        return 0;
    line = str_trim(line);
    if (!*line)
        return 0;
    exception = *line == '!';
    if (exception)
        line = str_trim(line + 1);
    if (!*line)
        return error_set(
            err, E_INVALID,
            ".dockerignore:%d: \"!\" without a pattern; write !name or remove the line", number);
    path_clean(line);
    if (line[0] == '/' && line[1])
        line++;
    if (!pattern_valid(line))
        return error_set(
            err, E_INVALID,
            ".dockerignore:%d: \"%.60s\" is not a pattern; close the bracket, or quote "
            "it with a backslash",
            number, line);
    if (d->rules.n == IGNORE_PATTERNS_MAX)
        return error_set(err, E_INVALID, ".dockerignore:%d: more than %d patterns", number,
                         IGNORE_PATTERNS_MAX);
    vec_push(&d->rules, (IgnoreRule){ xstrdup(line), exception });
    d->has_exceptions |= exception;
    return 0;
}

int dockerignore_parse(Dockerignore **ret, const char *text, size_t len, Error *err)
{
    AUTO_DOCKERIGNORE Dockerignore *d = xnew(Dockerignore);
    int number = 0;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    while (len > 0) {
        const char *newline = memchr(text, '\n', len);
        size_t n = newline ? (size_t)(newline - text) : len;
        AUTO_FREE char *line = xstrndup(text, n);

        if (parse_line(d, line, ++number, err) < 0)
            return -1;
        n += newline != NULL;
        text += n;
        len -= n;
    }
    *ret = TAKE(d);
    return 0;
}

void dockerignore_free(Dockerignore *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->rules.n; i++)
        free(d->rules.items[i].pattern);
    vec_fini(&d->rules);
    free(d);
}

/* The pattern matches the path, or a folder above it. */
static bool matches_some_parent(const char *pattern, const char *path)
{
    AUTO_FREE char *part = NULL;

    if (pattern_match(pattern, path))
        return true;
    part = xstrdup(path);
    for (char *slash = strrchr(part, '/'); slash; slash = strrchr(part, '/')) {
        *slash = '\0';
        if (pattern_match(pattern, part))
            return true;
    }
    return false;
}

bool dockerignore_excludes(const Dockerignore *d, const char *path)
{
    bool excluded = false;

    for (size_t i = 0; d && i < d->rules.n; i++) {
        const IgnoreRule *rule = &d->rules.items[i];
        if (rule->exception == excluded && matches_some_parent(rule->pattern, path))
            excluded = !excluded;
    }
    return excluded;
}

bool dockerignore_has_exceptions(const Dockerignore *d)
{
    return d && d->has_exceptions;
}
