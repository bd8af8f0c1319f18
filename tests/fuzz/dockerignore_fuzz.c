/* First line: a path; the rest: a .dockerignore. */
#include "base/alloc.h"
#include "base/check.h"
#include "docker/dockerignore.h"
#include "docker/pattern.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *newline = size ? memchr(text, '\n', size) : NULL;
    size_t n = newline ? (size_t)(newline - text) : size;
    AUTO_FREE char *path = NULL;
    AUTO_DOCKERIGNORE Dockerignore *d = NULL;
    Error err;

    if (size > 4096)
        return 0;
    path = xstrndup(text, n);
    if (dockerignore_parse(&d, text + n, size - n, &err) == 0)
        (void)dockerignore_excludes(d, path);
    n = strlen(path);
    path_clean(path);
    check(strlen(path) <= (n ? n : 1));
    return 0;
}
