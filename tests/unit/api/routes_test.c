#include "api/api.h"
#include "base/fs.h"
#include "base/macros.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

static void the_document_is_what_the_table_says(void **state)
{
    const char *root = getenv("SOURCE_ROOT");
    AUTO_STRBUF StrBuf printed = { 0 };
    AUTO_FREE char *text = NULL;
    char path[4096];
    size_t len;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/docs/api.md", root ? root : ".");
    CHECK_INT(fs_read_file(path, 1 << 20, &text, &len, NULL), 0);
    api_print_routes(&printed);
    CHECK_STR(strbuf_str(&printed), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_document_is_what_the_table_says) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
