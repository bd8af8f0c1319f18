/* context - what the files of this folder share: the Api itself. Private to api/. */
#pragma once

#include "api/answer.h"
#include "api/api.h"
#include "api/audit.h"
#include "api/call.h"
#include "api/notes.h"
#include "api/origin.h"
#include "auth/client_ip.h"
#include "auth/rate_limit.h"

#include <stdatomic.h>

struct Api {
    ApiParts parts;
    TrustedProxies *proxies;
    OriginList *origins;
    RateLimit *by_user, *by_ip;
    Audit *audit;
    Notes *notes;
    _Atomic bool shutting_down;
};

/*
 * The host name to show the caller for their instances: the one this request was sent to, when
 * PUBLIC_HOST is auto. NULL: the manager's, also when the name is of no use to the caller (a proxy
 * that puts its own loopback address into Host).
 */
const char *call_host(Call *call);
/* Remembers the caller's host name for events, and who and where they are for the audit trail. */
void call_note_host(Call *call);
void call_note_actor(Call *call, const char *kind, const char *key);
/* Does the client ask to be answered before the end (Prefer: respond-async)? */
bool call_is_async(const Call *call);
