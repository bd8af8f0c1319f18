/* fixture - a small application behind a real server on 127.0.0.1, and a raw socket client. */
#pragma once

#include "base/clock.h"
#include "http/server.h"

#include "test.h"

enum { LATER_MAX = 16, PATIENCE_MS = 10000, ECHO_MAX = 1000 };

extern HttpServer *server;

void serve(const HttpServerOptions *options);
void stop_serving(void);

/* The routes /later and /stream leave here what they got; these wait for the n-th (from 0). */
HttpRequest *later_request(size_t n);
HttpStream *later_stream(size_t n);
/* Handlers of /gate (on a worker) wait until this many have been let through. */
void gate_open(unsigned n);
unsigned gate_waiting(void);

int dial(void);
void send_bytes(int fd, const char *bytes, size_t n);
void send_text(int fd, const char *text);
/* One whole response by its Content-Length; true text. Caller frees. Body-less for `head`. */
char *read_response(int fd, bool head);
/* Everything until the other end closes; fails after PATIENCE_MS. Caller frees. */
char *read_to_end(int fd);
/* Reads until `text` has been seen; the rest may follow. Caller frees. */
char *read_until(int fd, const char *text);
/* Dials, sends, reads to the end (the request should close) and returns the status; 0 = none. */
int ask(const char *bytes, size_t n);
int status_of(const char *response);
