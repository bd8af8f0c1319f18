/*
 * frames - the engine's multiplexed log stream taken apart: 8-byte heads {stream, 0, 0, 0, length}
 * before each piece; raw for containers with a terminal. Pure; fuzzed.
 *
 * Which of the two it is shows in the first bytes. A head that is none turns the rest into raw
 * text: nothing a container prints can make decoding fail.
 *
 * Limits     keeps the last `keep` bytes.
 */
#pragma once

#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum { FRAME_HEAD_SIZE = 8 };

typedef struct FrameDecoder {
    StrBuf text; /* at most about twice `keep` while feeding; frames_finish() cuts */
    size_t keep;
    unsigned char head[FRAME_HEAD_SIZE];
    size_t n_head;
    uint32_t left; /* of the current piece */
    bool raw;
} FrameDecoder;

void frames_feed(FrameDecoder *d, const char *bytes, size_t n);
/* The text's last `keep` bytes, starting at a line if something was cut; caller frees. */
char *frames_finish(FrameDecoder *d);
void frames_fini(FrameDecoder *d);
#define AUTO_FRAMES CLEANUP(frames_fini)
