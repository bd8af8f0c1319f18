#include "test.h"

#include "base/alloc.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "compose/dotenv.h"

static Map *variables(void)
{
    static char one[] = "one", empty[] = "", flag[] = "env";
    Map *map = map_new();

    map_put(map, "ONE", one);
    map_put(map, "_x1", one);
    map_put(map, "EMPTY", empty);
    map_put(map, "DYNAMIC_FLAG", flag);
    map_put(map, "PORT_1", empty);
    return map;
}

static const struct {
    const char *text, *result; /* NULL = an error */
} rows[] = {
    { "plain", "plain" },
    { "$ONE-${ONE}", "one-one" },
    { "$_x1", "one" },
    { "$ONEs", "" },
    { "$$ONE", "$ONE" },
    { "$$$ONE", "$one" },
    { "$$${ONE}", "$one" },
    { "a$", "a$" },
    { "$1 $. $ x", "$1 $. $ x" },
    { "${NONE}", "" },
    { "${NONE:-d}", "d" },
    { "${NONE-d}", "d" },
    { "${EMPTY:-d}", "d" },
    { "${EMPTY-d}", "" },
    { "${ONE:-d}", "one" },
    { "${ONE:+r}", "r" },
    { "${EMPTY:+r}", "" },
    { "${EMPTY+r}", "r" },
    { "${NONE+r}", "" },
    { "${ONE:?e}", "one" },
    { "${EMPTY?e}", "" },
    { "${NONE:?need it}", NULL },
    { "${EMPTY:?}", NULL },
    { "${NONE?e}", NULL },
    { "${NONE:-${ONE}}", "one" },
    { "${NONE:-${NO:-${EMPTY:-x}}}", "x" },
    { "${NONE:-a-b:?c}", "a-b:?c" },
    { "${NONE-:-x}", ":-x" },
    { "${NONE:-flag{x}}", "flag{x}" },
    { "${NONE:-$$x}", "$x" },
    { "${NONE:-}", "" },
    { "${NONE:-a b}c", "a bc" },
    { "${", NULL },
    { "${}", NULL },
    { "${ONE", NULL },
    { "${ONE:-${ONE}", NULL },
    { "${1}", NULL },
    { "${ONE x}", NULL },
    { "${ONE:x}", NULL },
    { "${ ONE}", NULL },
    { "a\x01", NULL },
    { "$FLAG", "\x01"
               "FLAG\x02" },
    { "${FLAG:-d}", "\x01"
                    "FLAG:-d\x02" },
    { "${FLAG:-$ONE}", "\x01"
                       "FLAG:-one\x02" },
    { "${FLAG:-$PORT_80}", "\x01"
                           "FLAG:-\x01"
                           "PORT_80\x02\x02" },
    { "${FLAG+r}", "\x01"
                   "FLAG+r\x02" },
    { "${FLAG:?e}", "\x01"
                    "FLAG:?e\x02" },
    { "${NONE:-$FLAG}", "\x01"
                        "FLAG\x02" },
    { "$DYNAMIC_FLAG", "\x01"
                       "DYNAMIC_FLAG-env\x02" },
    { "${DYNAMIC_FLAG:-d}", "\x01"
                            "DYNAMIC_FLAG:-env\x02" },
    { "${DYNAMIC_FLAG-d}", "\x01"
                           "DYNAMIC_FLAG-env\x02" },
    { "${DYNAMIC_FLAG:+r}", "r" },
    { "${DYNAMIC_FLAG:?e}", "\x01"
                            "DYNAMIC_FLAG:-env\x02" },
    { "${PORT_1:-d}", "\x01"
                      "PORT_1:-d\x02" },
    { "${PORT_1-d}", "\x01"
                     "PORT_1-\x02" },
    { "$PORT_x", "" },
    { "$PORT_0", "" },
    { "$PORT_65535", "\x01"
                     "PORT_65535\x02" },
    { "$PORT_65536", "" },
    { "$INSTANCE_ID$COMPOSE_PROJECT_NAME", "\x01"
                                           "INSTANCE_ID\x02\x01"
                                           "COMPOSE_PROJECT_NAME\x02" },
    { "$DOCKER_NETWORK", "\x01"
                         "DOCKER_NETWORK\x02" },
};

static void replaces(void **state)
{
    AUTO_MAP Map *map = variables();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_ARENA Arena *arena = arena_new();
        Interpolation in = { .arena = arena, .variables = map };
        const char *result = interpolate(&in, rows[i].text);

        if (!str_eq(result, rows[i].result))
            fail_msg("'%s' gave '%s'", rows[i].text, result ? result : in.error);
        CHECK((result == NULL) == (in.error != NULL));
    }
}

static void depth_is_bounded(void **state)
{
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_MAP Map *map = map_new();
    Interpolation in = { .arena = arena, .variables = map };
    AUTO_STRBUF StrBuf b = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++)
        strbuf_adds(&b, "${A:-");
    for (int i = 0; i < 1000; i++)
        strbuf_adds(&b, "}");
    CHECK(interpolate(&in, strbuf_str(&b)) == NULL);
    CHECK_STR(in.error, "variables are nested too deeply");
}

static const char *lookup(void *ctx, const char *name)
{
    (void)ctx;
    return str_eq(name, "FLAG") ? "f{1}" : str_eq(name, "PORT_9") ? "" : NULL;
}

static const struct {
    const char *text, *result;
} expansions[] = {
    { "no markers $$x", "no markers $x" },
    { "$FLAG!", "f{1}!" },
    { "${FLAG:-d}", "f{1}" },
    { "${PORT_9:-d}|${PORT_9-d}|${PORT_8:-d}|${PORT_8-d}|${PORT_8}", "d||d|d|" },
    { "${FLAG:+r}|${PORT_9:+r}|${PORT_9+r}|${PORT_8+r}", "r||r|" },
    { "${FLAG:?e}|${PORT_8:?e}|${PORT_9?e}", "f{1}||" },
    { "${PORT_8:-a${PORT_7:-b$FLAG}c}", "abf{1}c" },
    { "${DYNAMIC_FLAG:-$FLAG}", "env" },
};

static void expands(void **state)
{
    AUTO_MAP Map *map = variables();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expansions); i++) {
        AUTO_ARENA Arena *arena = arena_new();
        Interpolation in = { .arena = arena, .variables = map };
        const char *text = interpolate(&in, expansions[i].text);

        CHECK(text != NULL);
        CHECK_STR(plan_expand(arena, text, lookup, NULL), expansions[i].result);
        CHECK_INT(plan_is_template(text), i > 0);
        if (i == 0)
            CHECK(plan_expand(arena, text, lookup, NULL) == text);
    }
}

static void shows(void **state)
{
    AUTO_ARENA Arena *arena = arena_new();

    (void)state;
    CHECK_STR(plan_show(arena, "a\x01"
                               "FLAG:-\x01"
                               "PORT_1\x02\x02\n\x1b[1m"),
              "a${FLAG:-${PORT_1}}??[1m");
    /* Cut markers, as a message may hold them, still end. */
    CHECK_STR(plan_expand(arena,
                          "a\x01"
                          "FLAG:-b",
                          lookup, NULL),
              "af{1}");
}

static const struct {
    const char *text, *result; /* NULL = an error */
    int error_line;
} files[] = {
    { "A=1\nB: two\n", "A=1|B=two|", 0 },
    { "\xEF\xBB\xBF# c\n\n  A = 1  \n", "A=1|", 0 },
    { "export A=1\nexport\tB=2", "A=1|B=2|", 0 },
    { "A='r$a w' # c\n", "A=r$a w|", 0 },
    { "A=\"x\\ny\\t\\\"\\\\\\$z\"\n", "A=x\ny\t\"\\$z|", 0 },
    { "A=\"l1\nl2\"\nB='m1\nm2'\n", "A=l1\nl2|B=m1\nm2|", 0 },
    { "A=x # c\nB=x#y\nC=#c\n", "A=x|B=x#y|C=|", 0 },
    { "A=1\nB=$A-${A}-${NO:-d}\nC=\"$A\"\n", "A=1|B=1-1-d|C=1|", 0 },
    { "A=$$x\n", "A=$x|", 0 },
    { "A=$ONE\r\nB=2\r\n", "A=one|B=2|", 0 },
    { "A\nB=1\n", "A|B=1|", 0 },
    { "A.b-c=1\n", "A.b-c=1|", 0 },
    { "A=\nB=\"\"\n", "A=|B=|", 0 },
    { "F=$FLAG\n",
      "F=\x01"
      "FLAG\x02|",
      0 },
    { "A=1\n=x\n", NULL, 2 },
    { "A=1\n\nB='x\n", NULL, 3 },
    { "B=\"x\n\n", NULL, 1 },
    { "A='x'y\n", NULL, 1 },
    { "A b\n", NULL, 1 },
    { "A=${\n", NULL, 1 },
    { "A=\x01\n", NULL, 1 },
};

static void reads_dotenv(void **state)
{
    AUTO_MAP Map *map = variables();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        AUTO_ARENA Arena *arena = arena_new();
        AUTO_STRBUF StrBuf b = { 0 };
        Interpolation in = { .arena = arena, .variables = map };
        Dotenv d;
        bool done = dotenv_read(&in, files[i].text, false, &d);

        for (size_t k = 0; k < d.n; k++)
            strbuf_addf(&b, "%s%s%s|", d.pairs[k].name, d.pairs[k].value ? "=" : "",
                        d.pairs[k].value ? d.pairs[k].value : "");
        if (done != (files[i].result != NULL))
            fail_msg("row %zu: %s", i, done ? "accepted" : in.error);
        if (done)
            CHECK_STR(strbuf_str(&b), files[i].result);
        else
            CHECK_INT(d.error_line, files[i].error_line);
    }
}

static void reads_raw(void **state)
{
    AUTO_MAP Map *map = variables();
    AUTO_ARENA Arena *arena = arena_new();
    Interpolation in = { .arena = arena, .variables = map };
    Dotenv d;

    (void)state;
    CHECK(dotenv_read(&in, "A= '$ONE' # x\nB=\n", true, &d));
    CHECK_STR(d.pairs[0].value, " '$ONE' # x");
    CHECK_STR(d.pairs[1].value, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces), cmocka_unit_test(depth_is_bounded), cmocka_unit_test(expands),
        cmocka_unit_test(shows),    cmocka_unit_test(reads_dotenv),     cmocka_unit_test(reads_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
