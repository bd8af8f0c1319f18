#include "base/str.h"
#include "base/strbuf.h"
#include "compose/model_parts.h"

#include <string.h>

YamlNode *model_text(Loader *l, const YamlNode *like, const char *text)
{
    return tree_scalar(l, like, text, false);
}

const YamlNode *model_path(Loader *l, const YamlNode *node)
{
    Field f = { .node = node };
    AUTO_STRBUF StrBuf b = { 0 };
    const char *path;

    if (node->kind != YAML_SCALAR || plan_is_template(node->text) || !*node->text ||
        strchr("/~", node->text[0]) || strstr(node->text, "://"))
        return node;
    path = path_join(field_origin(l, &f)->folder, node->text, &b);
    if (!path)
        return node;
    return model_text(
        l, node, *path ? arena_printf(l->scratch, "./%s", path) : arena_strdup(l->scratch, "."));
}

const YamlNode *model_size(Loader *l, const YamlNode *node)
{
    int64_t bytes;

    if (node->kind != YAML_SCALAR || !str_parse_bytes(node->text, &bytes))
        return node;
    return model_text(l, node, arena_printf(l->scratch, "%lld", (long long)bytes));
}

/* A number with its fraction, without trailing zeroes. */
static void add_fraction(StrBuf *b, int64_t value, int64_t unit)
{
    strbuf_addf(b, "%lld", (long long)(value / unit));
    value %= unit;
    if (value)
        strbuf_addc(b, '.');
    while (value) {
        unit /= 10;
        strbuf_addc(b, (char)('0' + value / unit));
        value %= unit;
    }
}

/* As Go's time.Duration prints itself: 1h0m0s, 1m30s, 1.5s, 250ms, 0s. */
static void add_duration(StrBuf *b, int64_t ns)
{
    const int64_t second = 1000000000;

    if (ns >= 3600 * second)
        strbuf_addf(b, "%lldh", (long long)(ns / (3600 * second)));
    if (ns >= 60 * second)
        strbuf_addf(b, "%lldm", (long long)(ns / (60 * second) % 60));
    if (ns == 0 || ns >= second) {
        add_fraction(b, ns % (60 * second), second);
        strbuf_addc(b, 's');
    } else {
        add_fraction(b, ns, ns >= 1000000 ? 1000000 : ns >= 1000 ? 1000 : 1);
        strbuf_adds(b, ns >= 1000000 ? "ms" : ns >= 1000 ? "\xC2\xB5s" : "ns");
    }
}

const YamlNode *model_duration(Loader *l, const YamlNode *node)
{
    AUTO_STRBUF StrBuf b = { 0 };
    int64_t ns;

    if (node->kind != YAML_SCALAR || !str_parse_duration_ns(node->text, &ns))
        return node;
    add_duration(&b, ns);
    return model_text(l, node, arena_strdup(l->scratch, strbuf_str(&b)));
}

const YamlNode *model_number(Loader *l, const YamlNode *node)
{
    int64_t integer;
    double number;

    if (node->kind != YAML_SCALAR)
        return node;
    if (str_parse_i64(node->text, INT64_MIN, INT64_MAX, &integer))
        return tree_scalar(l, node, arena_printf(l->scratch, "%lld", (long long)integer), true);
    if (str_parse_decimal(node->text, &number))
        return tree_scalar(l, node, arena_printf(l->scratch, "%.9g", number), true);
    return model_text(l, node, node->text);
}

const YamlNode *model_bool(Loader *l, const YamlNode *node)
{
    bool value;

    if (node->kind != YAML_SCALAR || !str_parse_bool(node->text, &value))
        return node;
    return tree_scalar(l, node, value ? "true" : "false", true);
}

const YamlNode *model_octal(Loader *l, const YamlNode *node)
{
    const char *digits = node->text + (str_starts(node->text, "0o") ? 2 : 0);
    unsigned n = 0;

    if (node->kind != YAML_SCALAR || digits[0] == '\0' || node->text[0] != '0' ||
        strlen(digits) > 6 || strspn(digits, "01234567") != strlen(digits))
        return model_number(l, node);
    for (; *digits; digits++)
        n = n * 8 + (unsigned)(*digits - '0');
    return tree_scalar(l, node, arena_printf(l->scratch, "%u", n), true);
}

const YamlNode *model_mode(Loader *l, const YamlNode *node)
{
    const char *text = node->text;
    int64_t decimal;

    if (node->kind != YAML_SCALAR)
        return node;
    if (str_starts(text, "0o"))
        return model_text(l, node, arena_printf(l->scratch, "0%s", text + 2));
    if (text[0] != '0' && str_parse_i64(text, 0, 07777, &decimal))
        return model_text(l, node, arena_printf(l->scratch, "0%llo", (unsigned long long)decimal));
    return model_text(l, node, text);
}
