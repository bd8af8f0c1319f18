/* First byte: how much is kept; second: size of the chunks; the rest: a log stream. */
#include "base/check.h"
#include "docker/frames.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FRAMES FrameDecoder d = { 0 };
    size_t step;

    if (size < 2)
        return 0;
    d.keep = data[0];
    step = data[1] ? data[1] : 1;
    for (size_t i = 2; i < size; i += step)
        frames_feed(&d, (const char *)data + i, size - i < step ? size - i : step);
    check(d.text.len <= 3 * d.keep + 2);
    free(frames_finish(&d));
    return 0;
}
