/* A Dockerfile: what is found lies in the text, whatever the text is. */
#include "base/check.h"
#include "compose/dockerfile.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DockerfileFinding found[DOCKERFILE_FINDINGS_MAX];
    const char *text = (const char *)data;
    int lines = 1;
    size_t n;

    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    n = dockerfile_check(text, size, found);
    check(n <= DOCKERFILE_FINDINGS_MAX);
    for (size_t i = 0; i < n; i++) {
        check(found[i].line >= 1 && found[i].line <= lines);
        check(i == 0 || found[i].line >= found[i - 1].line);
        check(memchr(found[i].text, '\0', sizeof found[i].text) != NULL);
    }
    return 0;
}
