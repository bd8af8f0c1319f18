#include "docker/pattern.h"

#include <stdint.h>
#include <string.h>

/*
 * A pattern becomes a list of steps; a path is read once, with the set of steps it may stand at.
 * There is no backtracking, so a row of stars costs no more than its length.
 */
typedef enum StepKind {
    STEP_CHAR,
    STEP_CLASS,   /* [...] */
    STEP_ONE,     /* ?  */
    STEP_STAR,    /* *  stays on everything but "/" */
    STEP_FOLDERS, /* double star and "/": enters STEP_THROUGH, or is skipped with it */
    STEP_THROUGH, /* stays on everything, leaves on "/" */
    STEP_REST,    /* double star at the end: stays on everything */
} StepKind;

typedef struct Step {
    StepKind kind;
    uint32_t c;            /* CHAR */
    const char *from, *to; /* CLASS: between the brackets, a leading ^ included */
} Step;

typedef struct Steps {
    Step items[2 * PATTERN_MAX + 2];
    size_t n;
    bool by_suffix; /* see compile() */
} Steps;

/* Next code point; a byte that starts none stands for itself, out of the Unicode range. */
static uint32_t next_char(const char **at)
{
    static const struct {
        unsigned mask, lead, more;
        uint32_t least;
    } forms[] = { { 0xe0, 0xc0, 1, 0x80 }, { 0xf0, 0xe0, 2, 0x800 }, { 0xf8, 0xf0, 3, 0x10000 } };
    const unsigned char *p = (const unsigned char *)*at;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if ((p[0] & forms[i].mask) != forms[i].lead)
            continue;
        uint32_t c = p[0] & ~forms[i].mask & 0xff;
        unsigned k = 1;
        while (k <= forms[i].more && (p[k] & 0xc0) == 0x80)
            c = c << 6 | (p[k++] & 0x3f);
        if (k > forms[i].more && c >= forms[i].least && c <= 0x10ffff) {
            *at += k;
            return c;
        }
    }
    *at += 1;
    return p[0] < 0x80 ? p[0] : 0x110000u + p[0];
}

/* One end of a range inside brackets; false when the pattern is bad. */
static bool class_char(const char **at, uint32_t *ret)
{
    if (**at == '\0' || **at == '-' || **at == ']')
        return false;
    if (**at == '\\' && *++*at == '\0')
        return false;
    *ret = next_char(at);
    return true;
}

/* Steps over one range; false when it is bad. */
static bool class_range(const char **at, uint32_t *ret_low, uint32_t *ret_high)
{
    if (!class_char(at, ret_low))
        return false;
    *ret_high = *ret_low;
    if (**at == '-') {
        ++*at;
        if (!class_char(at, ret_high) || *ret_high < *ret_low)
            return false;
    }
    return true;
}

/* *at stands behind "["; afterwards behind "]". False when the class is bad. */
static bool skip_class(const char **at)
{
    uint32_t low, high;

    if (**at == '^')
        ++*at;
    do {
        if (!class_range(at, &low, &high))
            return false;
    } while (**at != ']');
    ++*at;
    return true;
}

static bool class_has(const Step *step, uint32_t c)
{
    const char *at = step->from;
    bool negated = *at == '^', found = false;
    uint32_t low, high;

    at += negated;
    while (at < step->to && class_range(&at, &low, &high))
        found |= low <= c && c <= high;
    return found != negated;
}

static void add_step(Steps *s, StepKind kind, uint32_t c)
{
    s->items[s->n++] = (Step){ .kind = kind, .c = c };
}

static void add_stars(Steps *s, const char **at)
{
    if (**at != '*') {
        add_step(s, STEP_STAR, 0);
        return;
    }
    ++*at;
    if (**at == '/')
        ++*at;
    if (**at == '\0') {
        add_step(s, STEP_REST, 0);
    } else {
        add_step(s, STEP_FOLDERS, 0);
        add_step(s, STEP_THROUGH, 0);
    }
}

/*
 * `by_suffix`: Docker takes a pattern that starts with a double star and is otherwise literal as
 * "ends in", so that "**foo" matches "barfoo" although "**f?o" does not.
 */
static bool compile(const char *pattern, Steps *s)
{
    const char *at = pattern;
    bool literal = true;

    s->n = 0;
    if (strlen(pattern) > PATTERN_MAX)
        return false;
    while (*at) {
        if (*at == '*') {
            literal &= at == pattern && at[1] == '*';
            ++at;
            add_stars(s, &at);
        } else if (*at == '?') {
            literal = false;
            ++at;
            add_step(s, STEP_ONE, 0);
        } else if (*at == '[') {
            const char *from = ++at;
            literal = false;
            if (!skip_class(&at))
                return false;
            s->items[s->n++] = (Step){ .kind = STEP_CLASS, .from = from, .to = at - 1 };
        } else {
            if (*at == '\\') {
                literal = false;
                ++at;
            }
            if (*at == '\0')
                return false;
            add_step(s, STEP_CHAR, next_char(&at));
        }
    }
    s->by_suffix = literal && pattern[0] == '*';
    return true;
}

/* Marks step i, and those it lets through without reading anything. */
static void enter(const Steps *s, bool *set, size_t i)
{
    for (;;) {
        set[i] = true;
        if (i == s->n)
            return;
        if (s->items[i].kind == STEP_FOLDERS) {
            set[i + 1] = true;
            i += 2;
        } else if (s->items[i].kind == STEP_STAR || s->items[i].kind == STEP_REST) {
            i++;
        } else {
            return;
        }
    }
}

static void advance(const Steps *s, size_t i, uint32_t c, bool *next)
{
    const Step *step = &s->items[i];

    switch (step->kind) {
    case STEP_CHAR:
        if (step->c == c)
            enter(s, next, i + 1);
        break;
    case STEP_CLASS:
        if (class_has(step, c))
            enter(s, next, i + 1);
        break;
    case STEP_ONE:
        if (c != '/')
            enter(s, next, i + 1);
        break;
    case STEP_STAR:
        if (c != '/')
            enter(s, next, i);
        break;
    case STEP_THROUGH:
        next[i] = true;
        if (c == '/')
            enter(s, next, i + 1);
        break;
    case STEP_REST:
        enter(s, next, i);
        break;
    case STEP_FOLDERS:
        break;
    }
}

bool pattern_valid(const char *pattern)
{
    Steps steps;

    return compile(pattern, &steps);
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);

    return (m <= n && strcmp(path + n - m, suffix) == 0) ||
           (suffix[0] == '/' && strcmp(path, suffix + 1) == 0);
}

bool pattern_match(const char *pattern, const char *path)
{
    bool a[2 * PATTERN_MAX + 3], b[2 * PATTERN_MAX + 3];
    bool *now = a, *next = b;
    Steps steps;

    if (!compile(pattern, &steps))
        return false;
    if (steps.by_suffix)
        return ends_in(path, pattern + 2);
    memset(now, 0, steps.n + 1);
    enter(&steps, now, 0);
    while (*path) {
        uint32_t c = next_char(&path);
        bool *old = now;
        memset(next, 0, steps.n + 1);
        for (size_t i = 0; i < steps.n; i++)
            if (now[i])
                advance(&steps, i, c, next);
        now = next;
        next = old;
    }
    return now[steps.n];
}

void path_clean(char *path)
{
    bool rooted = path[0] == '/';
    const char *in = path + rooted;
    char *base = path + rooted, *out = base, *floor = base; /* ".." does not climb above floor */

    if (*path == '\0') {
        return;
    }
    while (*in) {
        size_t n = strcspn(in, "/");
        if (n == 2 && in[0] == '.' && in[1] == '.' && out > floor) {
            while (out > floor && *--out != '/') {
            }
        } else if (n == 2 && in[0] == '.' && in[1] == '.') {
            if (!rooted) {
                if (out > base)
                    *out++ = '/';
                memmove(out, "..", 2);
                out += 2;
                floor = out;
            }
        } else if (n > 0 && !(n == 1 && in[0] == '.')) {
            if (out > base)
                *out++ = '/';
            memmove(out, in, n);
            out += n;
        }
        in += n;
        in += *in == '/';
    }
    if (out == base && !rooted)
        *out++ = '.';
    *out = '\0';
}
