/* What a challenge brings into its containers besides its compose file: files, health checks. */
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

    Project project = { .challenge = &challenge };

    return container_spec_copies(&project, &service, ret_tar, ret_len, err);
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

static void an_image_probes_no_more_often_than_a_file_may(void **state)
{
#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)
    static const struct {
        int64_t planned, planned_start, image, image_start, interval, start_interval;
    } cases[] = {
        { 0, 0, 0, 0, 0, 0 },
        { 0, 0, 1 * MS, 1 * MS, 5 * S, 1 * S },
        { 0, 0, 30 * S, 2 * S, 0, 0 },
        { 7 * S, 3 * S, 1 * MS, 1 * MS, 7 * S, 3 * S },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        PlanHealthcheck planned = { .interval_ns = cases[i].planned,
                                    .start_interval_ns = cases[i].planned_start };
        ImageHealth image = { cases[i].image, cases[i].image_start };
        ImageHealth often = container_health(&planned, &image);
        CHECK_INT(often.interval_ns, cases[i].interval);
        CHECK_INT(often.start_interval_ns, cases[i].start_interval);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linked_folder_is_not_entered),
        cmocka_unit_test(an_image_probes_no_more_often_than_a_file_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
