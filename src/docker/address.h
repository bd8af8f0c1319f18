/*
 * address - where the engine listens: DOCKER_HOST taken apart.
 *
 * Pure. Known: unix:///path, tcp://host:port (also http:// and https://), "/path" for short.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

typedef struct EngineAddress {
    bool is_unix;
    char path[108];     /* of the socket; 108 is what sockaddr_un holds */
    char host[256];     /* tcp: without brackets */
    char base_url[300]; /* "http://docker" or "https://host:2376", no slash at the end */
} EngineAddress;

/* `text` NULL or "" = unix:///var/run/docker.sock. `tls`: certificates were given. */
MUST_USE int engine_address_parse(EngineAddress *ret, const char *text, bool tls, Error *err);
