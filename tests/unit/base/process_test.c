#include "base/process.h"
#include "base/macros.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

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
        cmocka_unit_test(secrets_are_not_inherited),
        cmocka_unit_test(it_works_without_a_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
