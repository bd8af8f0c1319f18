/*
 * container_body - the JSON bodies a container is created with. Pure.
 */
#pragma once

#include "docker/containers.h"

/* POST /containers/create. Endpoints after the first are left out when the API takes only one. */
void container_body(StrBuf *out, const ContainerSpec *spec, int api_minor);
/* POST /networks/{id}/connect. */
void container_connect_body(StrBuf *out, const char *container, const EngineEndpoint *endpoint);

enum { API_MANY_ENDPOINTS = 44, API_START_INTERVAL = 44 };
