/*
 * dockerfile - what in a Dockerfile the builder must not be asked for. Pure; fuzzed.
 *
 * ADD fetches from the network of the engine's host, whatever `network:` says: it reaches services
 * on loopback and the cloud's metadata. A frontend of the author's own (`# syntax=`) may do the
 * same. Secret and ssh mounts need a session with the client, which we do not offer.
 *
 * This is no parser: builders of different age read some texts differently, so what any of them
 * could take for an instruction counts as one. Lines are joined at either escape character,
 * whatever `# escape=` says; a line that starts with ADD or RUN counts wherever it stands, also in
 * the text of a heredoc.
 *
 * Limits     after DOCKERFILE_FINDINGS_MAX findings the rest is not read.
 * Rules      https://docs.docker.com/reference/dockerfile/
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { DOCKERFILE_MAX_BYTES = 1 << 20, DOCKERFILE_FINDINGS_MAX = 16, DOCKERFILE_TEXT_SIZE = 96 };

typedef enum DockerfileProblem {
    DOCKERFILE_REMOTE_ADD,   /* ADD of a URL or a git repository */
    DOCKERFILE_UNCLEAR_ADD,  /* ADD whose source is only known when it is built */
    DOCKERFILE_FRONTEND,     /* `# syntax=` other than docker/dockerfile:1... */
    DOCKERFILE_SECRET_MOUNT, /* RUN --mount=type=secret */
    DOCKERFILE_SSH_MOUNT,    /* RUN --mount=type=ssh */
    DOCKERFILE_PRIVILEGE,    /* RUN --network=host, RUN --security=insecure */
} DockerfileProblem;

typedef struct DockerfileFinding {
    DockerfileProblem problem;
    int line;                        /* where the instruction starts; from 1 */
    char text[DOCKERFILE_TEXT_SIZE]; /* the offending word, cut */
} DockerfileFinding;

/* Writes up to DOCKERFILE_FINDINGS_MAX findings in the order of the text; returns how many. */
size_t dockerfile_check(const char *text, size_t len,
                        DockerfileFinding ret[static DOCKERFILE_FINDINGS_MAX]);

/* May this be the frontend, as `# syntax=` or as the build argument BUILDKIT_SYNTAX? */
bool dockerfile_frontend_is_known(const char *reference);
