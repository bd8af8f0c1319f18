/*
 * pipeline - what every request passes before its handler: address, origin, route, body type, who
 * asks, how often.
 */
#pragma once

#include "http/server.h"

bool pipeline_begin(void *api, HttpRequest *request);
HttpOutcome pipeline_handle(void *api, HttpRequest *request);
void pipeline_fail(void *api, HttpRequest *request, int status, const char *message);
