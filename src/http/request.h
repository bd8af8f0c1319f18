/*
 * request - the inside of HttpRequest: what the server keeps beside what the application sees.
 *
 * Lifetime   One reference for the server, from the request line until the response is sent; one
 *            for the answer that is under way, from before handle() until it is done or
 *            http_request_finish() was called. So an application may finish a request late, after
 *            a drain gave up on it, or after the server itself is gone.
 * States     RUNNING (a loop thread has it) -> PARKED (suspended, waits for the answer) ->
 *            FINISHED (answer ready) or ABANDONED (the server answers 503 itself and never looks
 *            at the reply again). All moves are made under the server's lock.
 */
#pragma once

#include "http/head_check.h"
#include "http/reaper.h"
#include "http/server.h"

#include <stdatomic.h>

struct MHD_Connection;

typedef enum RequestPhase { PHASE_HEAD, PHASE_BODY, PHASE_ANSWER, PHASE_DONE } RequestPhase;
typedef enum RequestState { REQ_RUNNING, REQ_PARKED, REQ_FINISHED, REQ_ABANDONED } RequestState;

typedef struct Request {
    HttpRequest pub; /* first: the application's pointer is ours */
    HttpServer *server;
    struct MHD_Connection *connection;
    Conn *conn;
    atomic_uint refs;
    RequestPhase phase;      /* loop thread only */
    const HeadField *fields; /* copies in the arena */
    size_t n_fields;
    const char *query; /* in raw_target */
    HeadFacts facts;
    StrBuf body;
    size_t excess;               /* body bytes beyond body_max, thrown away */
    bool last;                   /* close the connection after the response */
    RequestState state;          /* with what follows: under the server's lock */
    bool holds_server;           /* the pending answer keeps the server's lock alive */
    struct Request *prev, *next; /* the list of the parked */
} Request;

Request *request_new(HttpServer *server, Conn *conn, const char *raw_target);
/* Another request with the same head, for an answer that must not touch the first one's reply. */
Request *request_new_twin(const Request *request);
void request_ref(Request *request);
void request_unref(Request *request); /* NULL is fine */
/* Copies the fields into the arena. */
void request_set_fields(Request *request, const HeadField *fields, size_t n);
/* Fills method, path and query from a checked head; false when the path is not decodable. */
bool request_set_target(Request *request, const char *method);
void request_drop_reply(Request *request);
/* The request an application's pointer belongs to. */
Request *request_of(HttpRequest *request);
