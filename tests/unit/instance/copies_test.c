/* Files of a challenge that go into its containers. */
#include "test.h"

#include "folder.h"

#include "base/alloc.h"
#include "base/error.h"
#include "instance/container_spec.h"

#include <stdlib.h>
#include <unistd.h>

static int copies(char *path, char **ret_tar, size_t *ret_len, Error *err)
{
    PlanMount mount = { .kind = PLAN_MOUNT_COPY, .source = "note", .target = "/note" };
    PlanService service = { .name = "web", .mounts = &mount, .n_mounts = 1 };
    Challenge challenge = { .path = path };

    return container_spec_copies(&challenge, &service, ret_tar, ret_len, err);
}

/* A folder was a folder when the challenge was loaded; a link may have taken its place since. */
static void a_linked_folder_is_not_entered(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_FREE char *real = xasprintf("%s/real", dir), *link = xasprintf("%s/link", dir);
    AUTO_FREE char *tar = NULL;
    size_t len = 0;
    Error err = { 0 };

    (void)state;
    folder_write(dir, "real/note", "hello");
    CHECK_INT(symlink("real", link), 0);
    CHECK_INT(copies(real, &tar, &len, &err), 0);
    CHECK(len > 0);
    free(tar);
    tar = NULL;
    CHECK_INT(copies(link, &tar, &len, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linked_folder_is_not_entered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
