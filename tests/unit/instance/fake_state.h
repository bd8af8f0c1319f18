/* fake_state - what the two files of the fake engine share: its state, and requests as they came.
 */
#pragma once

#include "base/lock.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "instance/fake_engine.h"
#include "wire/json_read.h"

#include <pthread.h>

typedef struct Container {
    char id[65], name[160], instance[128], network[65];
    bool running;
    int host_port;
} Container;

typedef struct Network {
    char id[65], name[160], subnet[24];
    bool managed;
} Network;

struct FakeEngine {
    int listener;
    pthread_t acceptor;
    Lock lock;
    pthread_cond_t changed;
    VEC(Container) containers;
    VEC(Network) networks;
    VEC(int) streams;     /* connections that watch the events */
    VEC(int) connections; /* all that are open */
    size_t n_threads, n_waiting;
    unsigned per_mille, take_ports, next_id;
    bool has_sizes, takes_sizes;
    size_t n_sized;
    uint64_t random;
    bool hold_images, ending;
    char violation[256];
};

typedef struct Request {
    char method[8], path[512];
    char *body;
    JsonValue *json; /* NULL without a body */
} Request;

typedef struct Reply {
    int status;
    StrBuf body;
    bool stream;
} Reply;

/* With the lock held, all of them. */
void fake_route(FakeEngine *fake, const Request *request, Reply *reply);
void fake_refuse(Reply *reply, int status, const char *message);
unsigned fake_dice(FakeEngine *fake, unsigned sides);
Container *fake_find_container(FakeEngine *fake, const char *name_or_id);
Network *fake_find_network(FakeEngine *fake, const char *name_or_id);
void fake_make_id(FakeEngine *fake, char ret[65]);
