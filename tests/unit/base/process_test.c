/* Helper programs: what they say, how they end, and that they do end. */
#include "test.h"

#include "base/alloc.h"
#include "base/process.h"
#include "base/str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs a shell script; the output is the caller's. */
static int run(const char *script, const char *input, Millis timeout, ProcessResult *ret,
               Error *err)
{
    const char *const argv[] = { "sh", "-c", script, NULL };

    return process_run(argv, input, timeout, ret, err);
}

static void test_output_and_exit_codes(void **state)
{
    static const struct {
        const char *script, *input, *output;
        int exit_code;
    } cases[] = {
        { "true", NULL, "", 0 },
        { "exit 3", NULL, "", 3 },
        { "echo out; echo err >&2", NULL, "out\nerr\n", 0 },
        { "cat", "from stdin", "from stdin", 0 },
        { "cat", NULL, "", 0 }, /* an end of input, not a wait for one */
        { "kill -9 $$", NULL, "", 137 },
        { "kill -13 $$; echo no", NULL, "", 141 }, /* SIGPIPE has its default again */
    };

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ProcessResult result = { 0 };
        Error err = { 0 };
        if (run(cases[i].script, cases[i].input, 20000, &result, &err) < 0)
            fail_msg("%s: %s", cases[i].script, err.detail);
        CHECK_STR(result.output, cases[i].output);
        CHECK_INT(result.exit_code, cases[i].exit_code);
        free(result.output);
    }
}

static void test_too_much_output_is_cut_and_the_rest_read(void **state)
{
    ProcessResult result = { 0 };
    Error err = { 0 };

    (void)state;
    CHECK_INT(run("head -c 300000 /dev/zero | tr '\\0' x; exit 4", NULL, 20000, &result, &err), 0);
    CHECK_INT(result.exit_code, 4);
    CHECK_INT(strlen(result.output), 65536);
    free(result.output);
}

static void test_a_large_input_does_not_block(void **state)
{
    AUTO_FREE char *input = xcalloc(1, 1000001);
    ProcessResult result = { 0 };
    Error err = { 0 };

    (void)state;
    memset(input, 'x', 1000000);
    CHECK_INT(run("wc -c", input, 20000, &result, &err), 0);
    CHECK_STR(result.output, "1000000\n");
    free(result.output);
    CHECK_INT(run("true", input, 20000, &result, &err), 0); /* nobody reads it */
    free(result.output);
}

static void test_past_the_deadline_everybody_of_it_is_killed(void **state)
{
    static const char *const scripts[] = {
        "sleep 60",
        "sleep 60 & sleep 60", /* also those it started */
        "trap '' TERM; sleep 60",
        "exec >&- 2>&-; exec sleep 60", /* it closed its output and goes on */
        "sleep 60 & exit 0",            /* it is gone, but somebody holds its output */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        ProcessResult result = { 0 };
        Error err = { 0 };
        Millis began = clock_mono_ms();
        CHECK(run(scripts[i], NULL, 150, &result, &err) < 0);
        CHECK_INT(err.code, E_TIMEOUT);
        CHECK(clock_mono_ms() - began < 10000);
        CHECK(result.output == NULL);
    }
}

static void test_a_program_that_is_not_there(void **state)
{
    const char *const argv[] = { "whaley-no-such-program", NULL };
    ProcessResult result = { 0 };
    Error err = { 0 };

    (void)state;
    CHECK(process_run(argv, NULL, 1000, &result, &err) < 0);
    CHECK(strstr(err.detail, "whaley-no-such-program") != NULL);
}

static void test_our_descriptors_stay_ours(void **state)
{
    AUTO_CLOSE int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, by intent */
    ProcessResult result = { 0 };
    Error err = { 0 };

    (void)state;
    CHECK(fd > 2);
    CHECK_INT(run("ls /proc/$$/fd", NULL, 20000, &result, &err), 0);
    CHECK_STR(result.output, "0\n1\n2\n");
    free(result.output);
}

static void secrets_are_not_inherited(void **state)
{
    const char *const argv[] = { "env", NULL };
    ProcessResult result = { 0 };
    Error err = { 0 };

    (void)state;
    CHECK_INT(setenv("ADMIN_KEY", "hunter2", 1), 0);
    CHECK_INT(process_run(argv, NULL, 10000, &result, &err), 0);
    CHECK_INT(result.exit_code, 0);
    CHECK(strstr(result.output, "PATH="));
    CHECK(!strstr(result.output, "hunter2"));
    free(result.output);
}

static void it_works_without_a_path(void **state)
{
    const char *const argv[] = { "cat", NULL };
    ProcessResult result = { 0 };
    Error err = { 0 };

    (void)state;
    CHECK_INT(unsetenv("PATH"), 0);
    CHECK_INT(process_run(argv, "in", 10000, &result, &err), 0);
    CHECK_STR(result.output, "in");
    free(result.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_exit_codes),
        cmocka_unit_test(secrets_are_not_inherited),
        cmocka_unit_test(it_works_without_a_path),
        cmocka_unit_test(test_too_much_output_is_cut_and_the_rest_read),
        cmocka_unit_test(test_a_large_input_does_not_block),
        cmocka_unit_test(test_past_the_deadline_everybody_of_it_is_killed),
        cmocka_unit_test(test_a_program_that_is_not_there),
        cmocka_unit_test(test_our_descriptors_stay_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
