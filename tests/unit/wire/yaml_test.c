#include "test.h"

#include "base/strbuf.h"
#include "wire/yaml.h"

#include <string.h>

/* A tree as one line: {a=1, b=["x"]}; quoted scalars in quotes. */
static void dump(StrBuf *b, const YamlNode *n)
{
    if (!n) {
        strbuf_adds(b, "-");
    } else if (n->kind == YAML_SCALAR) {
        strbuf_addf(b, n->plain ? "%s" : "\"%s\"", n->text);
    } else {
        strbuf_addc(b, n->kind == YAML_MAP ? '{' : '[');
        for (size_t i = 0; i < n->n; i++) {
            if (i)
                strbuf_adds(b, ", ");
            if (n->kind == YAML_MAP) {
                dump(b, n->pairs[i].key);
                strbuf_addc(b, '=');
            }
            dump(b, n->kind == YAML_MAP ? n->pairs[i].value : n->items[i]);
        }
        strbuf_addc(b, n->kind == YAML_MAP ? '}' : ']');
    }
}

static const struct {
    const char *text, *tree;
} good[] = {
    { "", "-" },
    { "# only a comment\n", "-" },
    { "---\n", "-" },
    { "a: 1\nb: [x, 'y', \"z\"]\n", "{a=1, b=[x, \"y\", \"z\"]}" },
    { "\xEF\xBB\xBF"
      "a: 1\n",
      "{a=1}" },
    { "%YAML 1.2\n---\na: 1\n...\n", "{a=1}" },
    { "a:\nb: ~\nc: null\n", "{a=, b=~, c=null}" },
    { "a: |\n  one\n  two\n", "{a=\"one\ntwo\n\"}" },
    { "on: yes\nport: 80:80\n", "{on=yes, port=80:80}" },
    { "a: &x {k: v}\nb: *x\n", "{a={k=v}, b={k=v}}" },
    { "a: &x 1\nb: &x 2\nc: *x\n", "{a=1, b=2, c=2}" },
    { "&k key: *k\n", "{key=key}" },
    { "b: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}\n", "{b={x=1, y=2}, c={y=3, x=1}}" },
    { "b: &b {x: 1, y: 2}\nc: {y: 3, <<: *b}\n", "{b={x=1, y=2}, c={y=3, x=1}}" },
    { "c: {<<: [{x: 1}, {x: 2, y: 3}]}\n", "{c={x=1, y=3}}" },
    { "c: {<<: {<<: {x: 1}, y: 2}}\n", "{c={y=2, x=1}}" },
    { "c: {'<<': 1}\n", "{c={\"<<\"=1}}" },
    { "a: !!str 5\nb: !!int 5\nc: ! 5\n", "{a=\"5\", b=5, c=\"5\"}" },
    { "a: !!map {}\nb: !!seq []\n", "{a={}, b=[]}" },
    { "a: \"\\u00e9\\x41\"\n", "{a=\"\xC3\xA9"
                               "A\"}" },
};

static void accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO_ARENA Arena *arena = arena_new();
        AUTO_STRBUF StrBuf b = { 0 };
        YamlNode *root = NULL;
        YamlPos pos = { 0, 0 };
        Error err = { 0 };

        if (yaml_read(arena, good[i].text, strlen(good[i].text), &root, &pos, &err) != 0)
            fail_msg("row %zu: %s", i, err.detail);
        dump(&b, root);
        CHECK_STR(strbuf_str(&b), good[i].tree);
    }
}

static const struct {
    const char *text;
    int line, column;
    const char *says;
} bad[] = {
    { "a: 1\na: 2\n", 2, 1, "twice (first at line 1)" },
    { "x:\n  b: 1\n  'b': 2\n", 3, 3, "twice (first at line 2)" },
    { "a: {<<: {x: 1}, <<: {y: 1}}\n", 1, 17, "twice" },
    { "a: *nope\n", 1, 4, "no anchor" },
    { "a: &a [1, *a]\n", 1, 11, "inside its own anchor" },
    { "a: &a {k: *a}\n", 1, 11, "inside its own anchor" },
    { "? [a, b]\n: 1\n", 1, 3, "a key must be text" },
    { "&l a: &m [x]\n*m : 1\n", 2, 1, "a key must be text" },
    { "a: !reset null\n", 1, 4, "tag '!reset'" },
    { "a: !!binary aGk=\n", 1, 4, "tag:yaml.org,2002:binary" },
    { "a: !!set {x}\n", 1, 4, "tag:yaml.org,2002:set" },
    { "a: 1\n---\nb: 2\n", 2, 1, "only one document" },
    { "a: \"x\\0y\"\n", 1, 4, "NUL" },
    { "a: 1\nb: \xFF\n", 2, 1, "not UTF-8" },
    { "a: [1,\nb: 2\n", 3, 1, "" },
    { "a: {<<: 1}\n", 1, 9, "'<<' merges" },
    { "a: {<<: [1]}\n", 1, 10, "'<<' merges" },
    { "\ta: 1\n", 1, 1, "" },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO_ARENA Arena *arena = arena_new();
        YamlNode *root = NULL;
        YamlPos pos = { 0, 0 };
        Error err = { 0 };

        if (yaml_read(arena, bad[i].text, strlen(bad[i].text), &root, &pos, &err) >= 0)
            fail_msg("row %zu was accepted", i);
        CHECK_INT(err.code, E_SYNTAX);
        if (!strstr(err.detail, bad[i].says))
            fail_msg("row %zu says '%s'", i, err.detail);
        if (pos.line != bad[i].line || pos.column != bad[i].column)
            fail_msg("row %zu at %d:%d (%s)", i, pos.line, pos.column, err.detail);
        CHECK(root == NULL);
    }
}

static int read_text(Arena *arena, const char *text, size_t len, Error *err)
{
    YamlNode *root = NULL;
    YamlPos pos = { 0, 0 };

    return yaml_read(arena, text, len, &root, &pos, err);
}

static void expect_text(const StrBuf *b, const char *says)
{
    AUTO_ARENA Arena *arena = arena_new();
    Error err = { 0 };

    if (!says) {
        CHECK_INT(read_text(arena, b->data, b->len, &err), 0);
        return;
    }
    CHECK(read_text(arena, b->data, b->len, &err) < 0);
    if (!strstr(err.detail, says))
        fail_msg("%s", err.detail);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    for (int depth = YAML_DEPTH_MAX; depth <= YAML_DEPTH_MAX + 1; depth++) {
        AUTO_STRBUF StrBuf b = { 0 };
        for (int i = 0; i < depth; i++)
            strbuf_addc(&b, '[');
        for (int i = 0; i < depth; i++)
            strbuf_addc(&b, ']');
        expect_text(&b, depth > YAML_DEPTH_MAX ? "nested deeper" : NULL);
    }
    AUTO_STRBUF StrBuf open = { 0 };
    for (int i = 0; i < 100000; i++)
        strbuf_addc(&open, '[');
    expect_text(&open, "nested deeper");

    AUTO_STRBUF StrBuf chain = { 0 };
    strbuf_adds(&chain, "a0: &a0 [x]\n");
    for (int i = 1; i < YAML_DEPTH_MAX - 1; i++)
        strbuf_addf(&chain, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    expect_text(&chain, NULL);
    strbuf_addf(&chain, "end: [*a%d]\n", YAML_DEPTH_MAX - 2);
    expect_text(&chain, "nested deeper");
}

static void nodes_are_bounded(void **state)
{
    (void)state;
    for (int n = YAML_NODES_MAX - 1; n <= YAML_NODES_MAX; n++) {
        AUTO_STRBUF StrBuf b = { 0 };
        for (int i = 0; i < n; i++)
            strbuf_adds(&b, "- x\n");
        expect_text(&b, n == YAML_NODES_MAX ? "more than 20000 values" : NULL);
    }
}

static void many_keys_are_quick(void **state)
{
    (void)state;
    AUTO_STRBUF StrBuf b = { 0 };

    for (int i = 0; i < 9000; i++)
        strbuf_addf(&b, "k%d: x\n", i);
    expect_text(&b, NULL);
    strbuf_adds(&b, "k77: y\n");
    expect_text(&b, "'k77' stands here twice (first at line 78)");
}

static void aliases_cannot_explode(void **state)
{
    (void)state;
    AUTO_STRBUF StrBuf b = { 0 }, m = { 0 };

    strbuf_adds(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        strbuf_addf(&b, "a%d: &a%d [", i, i);
        for (int j = 0; j < 9; j++)
            strbuf_addf(&b, "%s*a%d", j ? ", " : "", i - 1);
        strbuf_adds(&b, "]\n");
    }
    expect_text(&b, "aliases expand to more than");

    strbuf_adds(&m, "base: &b {");
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&m, "k%d: v, ", i);
    strbuf_adds(&m, "}\nall:\n  <<: [");
    for (int i = 0; i < 1000; i++)
        strbuf_adds(&m, "*b, ");
    strbuf_adds(&m, "]\n");
    expect_text(&m, "more than");
}

static void text_is_bounded(void **state)
{
    (void)state;
    AUTO_STRBUF StrBuf b = { 0 };

    strbuf_adds(&b, "# ");
    while (b.len < YAML_TEXT_MAX)
        strbuf_addc(&b, 'x');
    expect_text(&b, NULL);
    strbuf_addc(&b, 'x');
    expect_text(&b, "larger than");
}

static void positions_are_bytes(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF# \xC3\xA9\r\n\xC3\xA9: \xE2\x82\xAC\n"
                               "l: [\xC3\xA9\xC3\xA9, x,\n  y]\nm:\n  - k: &a v\n    j: *a\n";
    AUTO_ARENA Arena *arena = arena_new();
    YamlNode *root = NULL;
    YamlPos pos = { 0, 0 };
    Error err = { 0 };
    const YamlNode *n;

    CHECK_INT(yaml_read(arena, text, sizeof text - 1, &root, &pos, &err), 0);
    n = yaml_get(root, "\xC3\xA9");
    CHECK_INT(n->line, 2);
    CHECK_INT(n->column, 5);
    n = yaml_get(root, "l");
    CHECK_INT(n->column, 4);
    CHECK_INT(n->items[1]->line, 3);
    CHECK_INT(n->items[1]->column, 11);
    CHECK_INT(n->items[2]->line, 4);
    CHECK_INT(n->items[2]->column, 3);
    n = yaml_get(root, "m")->items[0];
    CHECK_INT(n->line, 6);
    CHECK_INT(n->column, 5);
    CHECK(yaml_get(n, "j") == yaml_get(n, "k"));
    CHECK_INT(yaml_get(n, "j")->column, 8);
    CHECK(yaml_get(n, "nope") == NULL);
    CHECK(yaml_get(NULL, "nope") == NULL);
    CHECK_STR(yaml_kind_name(n), "a mapping");
    CHECK_STR(yaml_kind_name(NULL), "nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(nodes_are_bounded),
        cmocka_unit_test(many_keys_are_quick),
        cmocka_unit_test(aliases_cannot_explode),
        cmocka_unit_test(text_is_bounded),
        cmocka_unit_test(positions_are_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
