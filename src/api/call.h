/*
 * call - one request on its way through the API: what the pipeline found out about it.
 *
 * Ownership  lives in the request's arena.
 */
#pragma once

#include "auth/client_ip.h"
#include "auth/identity.h"
#include "http/server.h"

#include <stddef.h>

struct Api;

enum { REQUEST_ID_SIZE = 17 };

typedef struct Call {
    struct Api *api;
    HttpRequest *request;
    size_t route;            /* row of the route table */
    const char *arg;         /* the pattern's argument, or NULL */
    const char *cors_origin; /* the allowed foreign origin that asks, or NULL */
    char request_id[REQUEST_ID_SIZE];
    char client_ip[CLIENT_IP_SIZE];
    Identity who; /* of routes that need a user */
} Call;
