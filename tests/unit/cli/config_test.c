#include "test.h"

#include "base/macros.h"
#include "cli/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs it with stdout and stderr in a file, whose text lands in `text`. */
static int run(const char *option, char *text, size_t size)
{
    char *argv[] = { strdup("config"), option ? strdup(option) : NULL, NULL };
    FILE *file = tmpfile();
    int saved_out, saved_err, result;

    CHECK(file != NULL);
    (void)fflush(stdout);
    saved_out = dup(STDOUT_FILENO);
    saved_err = dup(STDERR_FILENO);
    CHECK(dup2(fileno(file), STDOUT_FILENO) >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    result = cli_config(option ? 2 : 1, argv);
    (void)fflush(stdout);
    (void)dup2(saved_out, STDOUT_FILENO);
    (void)dup2(saved_err, STDERR_FILENO);
    (void)close(saved_out);
    (void)close(saved_err);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
    free(argv[0]);
    free(argv[1]);
    return result;
}

/* Leaves only what the test runner itself reads. */
static void clear_environment(void)
{
    const char *output = getenv("CMOCKA_MESSAGE_OUTPUT");
    char *kept = output ? strdup(output) : NULL;

    CHECK(clearenv() == 0);
    if (kept)
        CHECK(setenv("CMOCKA_MESSAGE_OUTPUT", kept, 1) == 0);
    free(kept);
}

static void test_options(void **state)
{
    static const struct {
        const char *option;
        int status;
        const char *says;
    } rows[] = {
        { NULL, 0, "PORT_RANGE_START" },
        { "--json", 0, "{\"settings\":[{\"name\":\"HOST\"" },
        { "--markdown", 0, "# Configuration" },
        { "--help", 0, "usage: whaley config" },
        { "-h", 0, "CHALLENGES_DIR" },
        { "--what", 2, "unknown option --what" },
    };
    static char text[65536];
    (void)state;

    CHECK(chdir("/") == 0); /* no .env */
    clear_environment();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_INT(run(rows[i].option, text, sizeof text), rows[i].status);
        if (!strstr(text, rows[i].says))
            fail_msg("expected %s in: %s", rows[i].says, text);
    }
}

static void test_bad_settings(void **state)
{
    static char text[65536];
    (void)state;

    clear_environment();
    CHECK(setenv("PORT", "99999", 1) == 0 && setenv("TEAM_MODE", "x", 1) == 0);
    CHECK_INT(run(NULL, text, sizeof text), 1);
    CHECK(strstr(text, "PORT: must be a whole number from 0 to 65535; it is \"99999\"") != NULL);
    CHECK(strstr(text, "TEAM_MODE: must be one of auto, enabled or disabled") != NULL);
    CHECK(strstr(text, "NAME") == NULL); /* no table beside errors */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_bad_settings),
    };

    return cmocka_run_group_tests_name("cli/config", tests, NULL, NULL);
}
