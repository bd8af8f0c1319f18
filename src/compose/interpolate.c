#include "compose/interpolate.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <string.h>

typedef struct Reference {
    const char *name;
    bool colon;
    char operator; /* '-', '+', '?' or '\0' */
    const char *word;
    size_t word_len;
} Reference;

static bool expand(Interpolation *in, StrBuf *out, const char *s, size_t n, int depth);

bool is_instance_variable(const char *name)
{
    static const char *const names[] = { "INSTANCE_ID", "COMPOSE_PROJECT_NAME", "DOCKER_NETWORK",
                                         "DYNAMIC_FLAG", "FLAG" };
    int64_t port;

    return str_in(name, names, ARRAY_LEN(names)) ||
           (str_starts(name, "PORT_") && isdigit((unsigned char)name[5]) &&
            str_parse_i64(name + 5, 1, 65535, &port));
}

static size_t name_len(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n &&
           (s[i] == '_' || isalpha((unsigned char)s[i]) || (i > 0 && isdigit((unsigned char)s[i]))))
        i++;
    return i;
}

static bool bad(Interpolation *in, const char *what)
{
    in->error = what;
    return false;
}

/* The instance decides; what `.env` says is its fallback. */
static bool write_marker(Interpolation *in, StrBuf *out, const Reference *r, int depth)
{
    const char *env = map_get(in->variables, r->name);
    bool env_set = env && (!r->colon || *env);

    if (r->operator== '+' && env_set)
        return expand(in, out, r->word, r->word_len, depth);
    strbuf_addf(out, "\x01%s", r->name);
    if (env_set || (env && !r->operator)) {
        strbuf_addf(out, "%s-%s\x02", r->colon ? ":" : "", env);
        return true;
    }
    if (r->operator)
        strbuf_addf(out, "%s%c", r->colon ? ":" : "", r->operator);
    if (!expand(in, out, r->word, r->word_len, depth))
        return false;
    strbuf_addc(out, '\x02');
    return true;
}

static bool write_required(Interpolation *in, const Reference *r, int depth)
{
    AUTO_STRBUF StrBuf word = { .max = 512 };

    if (!expand(in, &word, r->word, r->word_len, depth))
        return false;
    return bad(in, arena_printf(in->arena, "the variable %s is required%s%s", r->name,
                                word.len ? ": " : "", strbuf_str(&word)));
}

static const char *fixed_value(Interpolation *in, const char *name)
{
    return map_get(in->variables, arena_printf(in->arena, "%c%s", INTERPOLATION_FIXED, name));
}

static bool write_value(Interpolation *in, StrBuf *out, const Reference *r, int depth)
{
    bool instance = is_instance_variable(r->name), set;
    const char *value = instance ? fixed_value(in, r->name) : map_get(in->variables, r->name);

    if (instance && !value)
        return write_marker(in, out, r, depth);
    set = value && (!r->colon || *value);
    if (r->operator== '+')
        return !set || expand(in, out, r->word, r->word_len, depth);
    if (set) {
        strbuf_adds(out, value);
        return true;
    }
    if (r->operator== '-')
        return expand(in, out, r->word, r->word_len, depth);
    if (r->operator== '?')
        return write_required(in, r, depth);
    if (!in->unset)
        in->unset = r->name;
    return true;
}

/* Length up to the brace that closes the one at s[0], or 0: `${A:-flag{x}}` is one reference. */
static size_t braces_len(const char *s, size_t n)
{
    size_t depth = 0;

    for (size_t i = 0; i < n; i++) {
        depth += s[i] == '{';
        depth -= s[i] == '}';
        if (depth == 0)
            return i + 1;
    }
    return 0;
}

/* s stands at the brace of `${`; *ret_len gives what was consumed. */
static bool expand_braces(Interpolation *in, StrBuf *out, const char *s, size_t n, int depth,
                          size_t *ret_len)
{
    size_t len = braces_len(s, n), name, at;
    Reference r = { 0 };

    if (len == 0)
        return bad(in, "'${' without its '}'; write '$$' for a dollar sign");
    name = name_len(s + 1, len - 2);
    if (name == 0)
        return bad(in, "'${' needs a variable name; write '$$' for a dollar sign");
    r.name = arena_strndup(in->arena, s + 1, name);
    at = 1 + name;
    if (s[at] == ':') {
        r.colon = true;
        at++;
    }
    if (s[at] == '-' || s[at] == '+' || s[at] == '?')
        r.operator= s[at++];
    r.word = s + at;
    r.word_len = len - 1 - at;
    if (!r.operator&&(r.colon || r.word_len))
        return bad(in, arena_printf(in->arena,
                                    "'${%s' is followed by something that is none of "
                                    ":-  -  :+  +  :?  ?",
                                    r.name));
    *ret_len = len;
    return write_value(in, out, &r, depth);
}

static bool expand(Interpolation *in, StrBuf *out, const char *s, size_t n, int depth)
{
    if (depth > COMPOSE_TEMPLATE_DEPTH_MAX)
        return bad(in, "variables are nested too deeply");
    for (size_t i = 0; i < n; i++) {
        size_t left = n - i - 1, used = 0;

        if (s[i] != '$') {
            strbuf_addc(out, s[i]);
        } else if (left && s[i + 1] == '$') {
            strbuf_addc(out, '$');
            i++;
        } else if (left && s[i + 1] == '{') {
            if (!expand_braces(in, out, s + i + 1, left, depth + 1, &used))
                return false;
            i += used;
        } else if ((used = name_len(s + i + 1, left)) > 0) {
            Reference r = { .name = arena_strndup(in->arena, s + i + 1, used), .word = "" };
            if (!write_value(in, out, &r, depth))
                return false;
            i += used;
        } else {
            strbuf_addc(out, '$');
        }
    }
    return true;
}

const char *interpolate(Interpolation *in, const char *text)
{
    AUTO_STRBUF StrBuf out = { .max = COMPOSE_TEXT_MAX };

    in->error = in->unset = NULL;
    if (strpbrk(text, "\x01\x02")) {
        in->error = "control characters are not allowed";
        return NULL;
    }
    if (!strchr(text, '$'))
        return text;
    if (!expand(in, &out, text, strlen(text), 0))
        return NULL;
    if (out.overflowed) {
        in->error = "the text grows beyond 64 KiB";
        return NULL;
    }
    return arena_strndup(in->arena, strbuf_str(&out), out.len);
}

const char *variable_value(Interpolation *in, const char *name)
{
    if (is_instance_variable(name))
        return interpolate(in, arena_printf(in->arena, "${%s}", name));
    return map_get(in->variables, name);
}

/* ---- the tree ---- */

static const char *interpolate_field(Loader *l, const Field *f, const Origin *origin)
{
    Interpolation in = { .arena = l->scratch, .variables = origin->variables };
    const char *text = interpolate(&in, f->node->text);

    if (!text) {
        field_error(l, f, "bad-variable", NULL, "%s", in.error);
        return "";
    }
    if (in.unset)
        field_warn(l, f, "unset-variable",
                   "give it a value in .env, or a default as in ${NAME:-default}",
                   "the variable %.100s is not set; it becomes nothing", in.unset);
    return text;
}

static YamlNode *copy_node(Loader *l, const Field *f, const Origin *origin);

static void copy_pair(Loader *l, const Field *f, const Origin *origin, YamlPair *to)
{
    YamlNode *key = arena_new_type(l->scratch, YamlNode);

    *key = *f->key_node;
    key->origin = origin;
    if (strpbrk(f->key, "\x01\x02"))
        field_key_diag(l, DIAG_ERROR, f, "bad-name", NULL, "control characters are not allowed");
    to->key = key;
    to->value = copy_node(l, f, origin);
}

/* Nothing reads what an extension holds. */
static bool is_extension(const Field *f)
{
    return !f->up->up && str_starts(f->key, "x-");
}

static void copy_children(Loader *l, const Field *f, const Origin *origin, YamlNode *to)
{
    const YamlNode *from = f->node;

    if (from->kind == YAML_LIST)
        to->items = arena_alloc(l->scratch, (from->n + 1) * sizeof(YamlNode *));
    else
        to->pairs = arena_alloc(l->scratch, (from->n + 1) * sizeof *to->pairs);
    to->cap = from->n;
    to->n = 0;
    for (size_t i = 0; i < from->n && !l->too_large; i++) {
        Field child = from->kind == YAML_LIST ? field_item(f, i) : field_pair(f, i);
        if (from->kind == YAML_LIST)
            to->items[to->n++] = copy_node(l, &child, origin);
        else if (!is_extension(&child))
            copy_pair(l, &child, origin, &to->pairs[to->n++]);
    }
}

bool loader_has_room(Loader *l, const Field *f)
{
    if (!l->too_large && arena_used(l->scratch) + arena_used(l->arena) > COMPOSE_MEMORY_MAX) {
        l->too_large = true;
        field_error(l, f, "too-large", NULL,
                    "the project grows too large by its variables, files, aliases or merging");
    }
    return !l->too_large;
}

static YamlNode *copy_node(Loader *l, const Field *f, const Origin *origin)
{
    YamlNode *to = arena_new_type(l->scratch, YamlNode);
    Field at = *f;

    *to = *f->node;
    to->origin = origin;
    l->tagged |= to->tag != YAML_TAG_NONE;
    at.node = to; /* for messages: the original knows no file */
    if (!loader_has_room(l, &at))
        return to;
    if (to->kind == YAML_SCALAR) {
        to->text = interpolate_field(l, &at, origin);
        to->plain = to->plain && (to->text == f->node->text || !yaml_is_null(to)); /* "" is text */
    }
    if (to->kind != YAML_SCALAR)
        copy_children(l, f, origin, to);
    return to;
}

YamlNode *interpolate_tree(Loader *l, const YamlNode *root, const Origin *origin)
{
    Field f = { .node = root };

    return copy_node(l, &f, origin);
}
