/* clock, diag, error, lock and log. */
#include "test.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- clock ---- */

static void test_times_are_formatted(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 1700000000000000, "2023-11-14T22:13:20Z" },
        { 1700000000000001, "2023-11-14T22:13:20.000001Z" },
        { 1700000000500000, "2023-11-14T22:13:20.500000Z" },
        { 951782400000000, "2000-02-29T00:00:00Z" },
        { 253402300799999999, "9999-12-31T23:59:59.999999Z" },
    };
    char text[CLOCK_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(clock_format_us(cases[i].us, text), cases[i].text);
}

static void test_clocks_agree_and_do_not_go_back(void **state)
{
    Millis before = clock_mono_ms();

    (void)state;
    CHECK(clock_wall_us() / 1000 - clock_wall_ms() <= 1000);
    CHECK(clock_mono_ms() >= before);
}

/* ---- errors ---- */

static void test_errors_gather_context(void **state)
{
    Error err = { 0 };

    (void)state;
    CHECK_INT(error_set(&err, E_NO_PORTS, "all %d taken", 3), -1);
    CHECK_INT(error_wrap(&err, "leasing for %s", "web"), -1);
    CHECK_INT(error_wrap(&err, "spawn"), -1);
    CHECK_STR(err.detail, "spawn: leasing for web: all 3 taken");
    CHECK_INT(err.code, E_NO_PORTS);
    CHECK(str_ends(err.file, "text_test.c") && err.line > 0);
    errno = ENOENT;
    CHECK_INT(error_sys(&err, "opening %s", "x"), -1);
    CHECK_STR(err.detail, "opening x: No such file or directory");
    CHECK_INT(err.code, E_INTERNAL);
    CHECK_INT(err.sys_errno, ENOENT);
    CHECK_INT(error_set(NULL, E_NO_PORTS, "x"), -1); /* nobody wants to know */
    CHECK_INT(error_sys(NULL, "x"), -1);
    CHECK_INT(error_wrap(NULL, "x"), -1);
}

static void test_a_long_detail_is_cut(void **state)
{
    Error err = { 0 };
    AUTO_FREE char *text = xasprintf("%0600d", 7);

    (void)state;
    (void)error_set(&err, E_INTERNAL, "%s", text);
    CHECK_INT(strlen(err.detail), sizeof err.detail - 1);
    (void)error_wrap(&err, "%s", text);
    (void)error_wrap(&err, "outermost");
    CHECK_INT(strlen(err.detail), sizeof err.detail - 1);
    CHECK(str_starts(err.detail, "outermost: 000"));
    errno = EACCES;
    (void)error_sys(&err, "%s", text);
    CHECK_INT(strlen(err.detail), sizeof err.detail - 1);
}

static void test_every_code_has_a_name_a_status_and_a_sentence(void **state)
{
    (void)state;
    for (int code = E_NONE + 1; code < E_COUNT; code++) {
        CHECK(error_slug((ErrorCode)code)[0] != '\0');
        CHECK(error_public_text((ErrorCode)code)[0] != '\0');
        CHECK(error_http_status((ErrorCode)code) >= 200 &&
              error_http_status((ErrorCode)code) < 600);
        for (int other = E_NONE; other < code; other++)
            CHECK(!str_eq(error_slug((ErrorCode)code), error_slug((ErrorCode)other)));
    }
    CHECK_INT(error_http_status(E_COUNT), 500);
    CHECK(error_slug(E_COUNT)[0] && error_public_text(E_COUNT)[0]);
}

/* ---- diagnostics ---- */

static void test_diagnostics_read_like_a_compilers(void **state)
{
    static const struct {
        DiagAt at;
        const char *hint, *text;
    } cases[] = {
        { { "a.toml", 3, 7, "timeout" }, NULL, "a.toml:3:7: error: timeout: too 9 [x-y]" },
        { { "a.toml", 3, 7, NULL }, "do", "a.toml:3:7: error: too 9 [x-y]\n    hint: do" },
        { { "a.toml", 0, 0, NULL }, NULL, "a.toml: error: too 9 [x-y]" },
        { { 0 }, NULL, "?: error: too 9 [x-y]" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_DIAGS DiagList list = { 0 };
        AUTO_FREE char *text = NULL;
        diag_add(&list, DIAG_ERROR, cases[i].at, "x-y", cases[i].hint, "too %d", 9);
        text = diag_format(&list.items[0]);
        CHECK_STR(text, cases[i].text);
    }
}

static void test_diagnostics_beyond_the_limit_are_counted(void **state)
{
    AUTO_DIAGS DiagList list = { 0 };

    (void)state;
    CHECK(diag_first_error(&list) == NULL);
    diag_add(&list, DIAG_NOTE, (DiagAt){ 0 }, "n", NULL, "note");
    diag_add(&list, DIAG_WARNING, (DiagAt){ 0 }, "w", NULL, "warning");
    CHECK(diag_first_error(&list) == NULL);
    for (int i = 0; i < DIAG_MAX; i++)
        diag_add(&list, DIAG_ERROR, (DiagAt){ 0 }, "e", NULL, "%d", i);
    CHECK_STR(diag_first_error(&list)->message, "0");
    CHECK_INT(list.n, DIAG_MAX);
    CHECK_INT(list.n_errors, DIAG_MAX);
    CHECK_INT(list.n_warnings, 1);
    CHECK_INT(list.n_dropped, 2);
}

/* ---- log ---- */

/* What one log call writes to stderr; caller frees. */
static char *logged(LogLevel least, LogLevel level, const char *text)
{
    int pipe_fds[2], saved = dup(STDERR_FILENO);
    char *line = xcalloc(1, 8192);
    ssize_t n;

    CHECK_INT(pipe(pipe_fds), 0);
    CHECK(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
    log_set_level(least);
    log_write(level, "%s", text);
    CHECK(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(pipe_fds[1]);
    n = read(pipe_fds[0], line, 8191);
    CHECK(n >= 0);
    (void)close(pipe_fds[0]);
    (void)close(saved);
    log_set_level(LOG_ERROR);
    return line;
}

static void test_log_lines(void **state)
{
    AUTO_FREE char *plain = logged(LOG_INFO, LOG_WARN, "a=1 b");
    AUTO_FREE char *quiet = logged(LOG_INFO, LOG_DEBUG, "x");
    AUTO_FREE char *forged = logged(LOG_INFO, LOG_INFO, "x\n2020 error forged\x1b[2J\x7f");
    AUTO_FREE char *text = xasprintf("%09000d", 7);
    AUTO_FREE char *endless = logged(LOG_INFO, LOG_INFO, text);

    (void)state;
    CHECK(strstr(plain, "Z warn  a=1 b\n") != NULL);
    CHECK_STR(quiet, "");
    CHECK(strstr(forged, "x 2020 error forged [2J \n") != NULL);
    CHECK_INT(strlen(endless), 4095);
    CHECK(str_ends(endless, "0\n"));
}

/* ---- lock ---- */

static void test_a_wait_ends_at_its_deadline(void **state)
{
    Lock lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond;

    (void)state;
    lock_cond_init(&cond);
    {
        LOCK_SCOPE(&lock);
        CHECK(pthread_mutex_trylock(&lock) != 0);
        CHECK_INT(lock_cond_wait_until(&cond, &lock, clock_mono_ms()), 1);
        CHECK_INT(lock_cond_wait_until(&cond, &lock, 0), 1); /* long past */
    }
    CHECK_INT(pthread_mutex_trylock(&lock), 0); /* given back at the end of the block */
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_cond_destroy(&cond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_formatted),
        cmocka_unit_test(test_clocks_agree_and_do_not_go_back),
        cmocka_unit_test(test_errors_gather_context),
        cmocka_unit_test(test_a_long_detail_is_cut),
        cmocka_unit_test(test_every_code_has_a_name_a_status_and_a_sentence),
        cmocka_unit_test(test_diagnostics_read_like_a_compilers),
        cmocka_unit_test(test_diagnostics_beyond_the_limit_are_counted),
        cmocka_unit_test(test_log_lines),
        cmocka_unit_test(test_a_wait_ends_at_its_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
