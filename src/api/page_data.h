/* page_data - the files of the page, made into C by embed.py. */
#pragma once

#include <stddef.h>

typedef struct PageData {
    const char *name;
    const unsigned char *bytes;
    size_t len;
    const char *etag; /* with its quotes */
} PageData;

extern const PageData PAGE_DATA[];
extern const size_t PAGE_DATA_COUNT;
