/* Bytes as a container's /proc/PID/net/tcp, which the container fills. */
#include "base/alloc.h"
#include "instance/ready.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *table = xstrndup((const char *)data, size);

    (void)ready_table_has_listener(table, 80);
    (void)ready_table_has_listener(table, 65535);
    return 0;
}
