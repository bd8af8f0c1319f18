#include "docker/storage.h"
#include "base/str.h"
#include "docker/answers.h"

enum { STORAGE_TIMEOUT_MS = 10000 };

/* DriverStatus is a list of pairs: [["Backing Filesystem", "xfs"], ...]. */
static const char *status_of(const JsonValue *root, const char *name)
{
    const JsonValue *list = json_value_get(root, "DriverStatus");

    for (size_t i = 0; i < json_value_len(list); i++) {
        const JsonValue *pair = json_value_at(list, i);
        if (str_eq(json_value_string(json_value_at(pair, 0), ""), name))
            return json_value_string(json_value_at(pair, 1), "");
    }
    return "";
}

int engine_storage(Engine *engine, StorageInfo *ret, Error *err)
{
    static const char *const drivers[] = { "btrfs", "zfs", "devicemapper" };
    const EngineCall call = { .method = "GET", .path = "/info", .timeout = STORAGE_TIMEOUT_MS };
    AUTO_JSON JsonValue *root = NULL;
    StorageInfo info = { 0 };

    if (engine_call_json(engine, &call, "ask for its storage", &root, err) < 0)
        return -1;
    engine_copy(info.driver, sizeof info.driver, json_get_string(root, "Driver", ""));
    engine_copy(info.filesystem, sizeof info.filesystem, status_of(root, "Backing Filesystem"));
    info.limits = str_in(info.driver, drivers, ARRAY_LEN(drivers)) ||
                  (str_eq(info.driver, "overlay2") && str_eq(info.filesystem, "xfs"));
    if (status_of(root, "driver-type")[0]) /* containerd's snapshotters take no options */
        info.limits = false;
    *ret = info;
    return 0;
}
