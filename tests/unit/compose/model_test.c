/*
 * Every folder of tests/data/compose, resolved, is what its expected.json says; and what is printed
 * as YAML is a compose file that means the same. FLAG and the like have no value there.
 */
#include "test.h"

#include "../folder.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "compose/load.h"

#include <dirent.h>

static char *resolve(const char *path, ModelFormat format, const char *name)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf out = { 0 };
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const ComposeModel model = { .fallback = name, .format = format, .out = &out };
    ComposeOptions options = { .dir_fd = fd, .file = "compose.yaml", .model = &model };
    Error err = { 0 };

    if (compose_load(&options, &plan, &diags, &err) != 0) {
        const Diag *d = diag_first_error(&diags);
        AUTO_FREE char *text = d ? diag_format(d) : xstrdup(err.detail);
        fail_msg("%s: %s", path, text);
    }
    return strbuf_take(&out);
}

static void check_case(const char *data, const char *name)
{
    AUTO_FREE char *path = xasprintf("%s/%s", data, name);
    AUTO_FREE char *file = xasprintf("%s/expected.json", path);
    AUTO_FREE char *json = resolve(path, MODEL_JSON, name);
    AUTO_FREE char *want = NULL;
    size_t len;
    Error err = { 0 };

    if (fs_read_file(file, 1 << 20, &want, &len, &err) < 0)
        fail_msg("%s", err.detail);
    if (strcmp(want, json) != 0)
        fail_msg("%s differs; compare with: whaley compose config tests/data/compose/%s\n%s", file,
                 name, json);
}

static const char *data_folder(char *buffer, size_t size)
{
    const char *root = getenv("SOURCE_ROOT");

    (void)snprintf(buffer, size, "%s/tests/data/compose", root ? root : ".");
    return buffer;
}

static void cases_match(void **state)
{
    char data[4096];
    DIR *dir = opendir(data_folder(data, sizeof data));
    const struct dirent *entry;
    int n = 0;

    (void)state;
    CHECK(dir != NULL);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        check_case(data, entry->d_name);
        n++;
    }
    closedir(dir);
    CHECK(n >= 10);
}

/* The YAML of one case, loaded again, gives the same YAML: canonical forms are a fixed point. */
static void yaml_is_a_fixed_point(void **state)
{
    static const char *const names[] = { "deploy", "interpolation", "merge-tags", "namespaces" };
    char data[4096];

    (void)state;
    data_folder(data, sizeof data);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", data, names[i]);
        AUTO_FREE char *first = resolve(path, MODEL_YAML, names[i]);
        AUTO_FOLDER char *folder = folder_new();
        folder_write(folder, "compose.yaml", first);
        AUTO_FREE char *second = resolve(folder, MODEL_YAML, "other");
        CHECK_STR(first, second);
    }
}

static void refused_projects_are_shown(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf out = { 0 };
    const ComposeModel model = { .project = "p", .format = MODEL_JSON, .out = &out };
    ComposeOptions options = { .file = "compose.yaml", .model = &model };
    Error err = { 0 };

    (void)state;
    folder_write(folder, "compose.yaml", "services: {a: {image: x, privileged: '${P:-yes}'}}\n");
    AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    options.dir_fd = fd;
    CHECK_INT(compose_load(&options, &plan, &diags, &err), COMPOSE_REFUSED);
    CHECK(strstr(strbuf_str(&out), "\"privileged\": true") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_match),
        cmocka_unit_test(yaml_is_a_fixed_point),
        cmocka_unit_test(refused_projects_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
