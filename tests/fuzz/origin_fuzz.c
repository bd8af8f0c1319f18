/* Lines: CORS_ALLOW_ORIGINS, Origin, Host, Prefer or Content-Type. */
#include "api/origin.h"
#include "base/alloc.h"
#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = xstrndup((const char *)data, size);
    char *rest = text, *lines[4];
    char name[ORIGIN_HOST_SIZE];
    OriginList *list = NULL, *none = NULL;
    Error err = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        lines[i] = strsep(&rest, "\n");
    if (!lines[2])
        return 0;
    check(origin_list_new(&none, "", &err) == 0);
    check(origin_judge(none, lines[1], lines[2]) != ORIGIN_ALLOWED);
    check(origin_judge(none, lines[1], NULL) == ORIGIN_FOREIGN);
    check(origin_judge(none, NULL, lines[2]) == ORIGIN_NONE);
    if (origin_list_new(&list, lines[0], &err) == 0) {
        (void)origin_judge(list, lines[1], lines[2]);
        origin_list_free(list);
    }
    /* it goes into pages and commands */
    if (origin_host_name(lines[2], name))
        check(*name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789.-_:") == strlen(name));
    (void)origin_prefers(lines[3], "respond-async");
    (void)origin_is_json(lines[3]);
    origin_list_free(none);
    return 0;
}
