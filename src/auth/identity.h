/*
 * identity - who is asking. The interface every way of signing in implements; AUTH_MODE=none is
 * here (auth/none.c), CTFd comes beside it.
 *
 * Threads    identify() may block when provider->blocking; then routes that need it run on workers.
 */
#pragma once

#include "base/error.h"
#include "model/owner.h"

#include <stdbool.h>

enum { IDENTITY_TEXT_SIZE = 256 };

typedef struct Identity {
    char user_id[OWNER_ID_SIZE];
    char username[IDENTITY_TEXT_SIZE];
    char team_id[OWNER_ID_SIZE]; /* "" = none */
    char team_name[IDENTITY_TEXT_SIZE];
    Owner owner; /* the team in team mode, else the user */
} Identity;

typedef struct IdentityQuestion {
    const char *bearer;    /* token, or NULL */
    const char *client_ip; /* after trusted proxies */
} IdentityQuestion;

typedef struct IdentityProvider {
    const char *mode; /* "none", "ctfd": the wire's auth_mode */
    bool blocking;
    bool team_mode;
    void *ctx;
    /* < 0: E_UNAUTHORIZED, E_NO_TEAM, E_UNAVAILABLE ... */
    int (*identify)(void *ctx, const IdentityQuestion *question, Identity *ret, Error *err);
} IdentityProvider;

/* No-auth: the client's address is the user (behaviour.md 7.3). */
IdentityProvider identity_none(void);
