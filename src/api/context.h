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

/* The host name this request was sent to, or NULL when it is none that may be shown. */
const char *call_host(Call *call);
/* Remembers the caller's host name for events, and who and where they are for the audit trail. */
void call_note_host(Call *call);
void call_note_actor(Call *call, const char *kind, const char *key);
/* Does the client ask to be answered before the end (Prefer: respond-async)? */
bool call_is_async(const Call *call);
