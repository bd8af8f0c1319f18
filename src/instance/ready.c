#include "instance/ready.h"
#include "base/fs.h"
#include "base/str.h"
#include "docker/containers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TABLE_MAX = 1 << 16, /* listeners come first: some 350 of them */
    TABLE_READ = 4096,   /* what the kernel gives at once, seq_file's buffer */
    ROW_MAX = 512,       /* rows are 150 and at most 180 bytes long */
    SUMMARY_MAX = 4096,
    STEP_MS = 10, /* between looks, at first */
    STEP_MAX_MS = 100,
    ALIVE_EVERY_MS = 250, /* how often the containers are asked for */
    CONNECT_MS = 1000,
    QUIET_MS = 40, /* a connection open this long has a listener behind it */
};

static const char STATE_LISTEN[] = "0A"; /* TCP_LISTEN, include/net/tcp_states.h */

/* tcp6 first: what listens on [::] is there, and mostly there is nothing to look at. */
typedef struct Family {
    const char *table, *summary, *none;
} Family;

static const Family families[] = { { "tcp6", "sockstat6", "TCP6: inuse 0\n" },
                                   { "tcp", "sockstat", "TCP: inuse 0 " } };

static bool is_loopback(const char *address)
{
    size_t n = strcspn(address, ":");

    /* 127.0.0.0/8 and ::1 (and ::ffff:127.x) as /proc prints them: words in host byte order */
    if (n == 8)
        return strncmp(address + 6, "7F", 2) == 0;
    return strncmp(address, "00000000000000000000000001000000", n) == 0 ||
           (strncmp(address, "0000000000000000FFFF0000", 24) == 0 &&
            strncmp(address + 30, "7F", 2) == 0);
}

/* The n-th field (from 0) of a line, as a copy; false when there are fewer or it is too long. */
static bool field_of(const char *line, unsigned n, char *ret, size_t size)
{
    size_t len;

    for (;; n--) {
        line += strspn(line, " ");
        len = strcspn(line, " \n");
        if (n == 0 || len == 0)
            break;
        line += len;
    }
    if (len == 0 || len >= size)
        return false;
    memcpy(ret, line, len);
    ret[len] = '\0';
    return true;
}

/* Fields: "sl local_address rem_address st ...", addresses as HEX:PORT. */
static bool line_is_listener(const char *line, uint16_t port)
{
    char local[64], state[4], want[8];
    const char *colon;

    if (!field_of(line, 1, local, sizeof local) || !field_of(line, 3, state, sizeof state) ||
        strcmp(state, STATE_LISTEN) != 0)
        return false;
    colon = strrchr(local, ':');
    (void)snprintf(want, sizeof want, "%04X", (unsigned)port);
    return colon && strcmp(colon + 1, want) == 0 && !is_loopback(local);
}

bool ready_table_has_listener(const char *table, uint16_t port)
{
    for (const char *line = table; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (line_is_listener(line, port))
            return true;
    }
    return false;
}

/* Has the container no TCP socket of this family? Cheap to ask; false when it cannot be told. */
static bool has_none(int64_t pid, const Family *family)
{
    AUTO_FREE char *path = xasprintf("/proc/%lld/net/%s", (long long)pid, family->summary);
    AUTO_FREE char *text = NULL;
    size_t len;

    return fs_read_file(path, SUMMARY_MAX, &text, &len, NULL) == 0 && strstr(text, family->none);
}

/*
 * Reads the table until the listener is found. Listeners come first in it; after them the kernel
 * walks its hash of all connections of the machine, milliseconds long where there is much memory,
 * on every read that gets that far. So a read that left room for more rows is taken as the last.
 */
static int search_table(int fd, uint16_t port)
{
    char text[TABLE_READ + ROW_MAX + 1];
    size_t kept = 0;

    for (size_t total = 0; total < TABLE_MAX;) {
        ssize_t n = read(fd, text + kept, TABLE_READ);
        char *rest;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text[kept + (size_t)n] = '\0';
        if (ready_table_has_listener(text, port))
            return 0;
        if (n < TABLE_READ - ROW_MAX)
            return 1;
        /* a row may go on in the next read */
        rest = strrchr(text, '\n');
        kept = rest ? strlen(rest) : 0;
        if (kept > ROW_MAX)
            kept = 0;
        memmove(text, rest ? rest : text, kept);
        total += (size_t)n;
    }
    return 1;
}

/* 0 listening, 1 not yet, < 0 the table cannot be read (remote engine, other pid namespace). */
static int look_in_table(int64_t pid, uint16_t port)
{
    bool readable = false;

    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        AUTO_FREE char *path = xasprintf("/proc/%lld/net/%s", (long long)pid, families[i].table);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int rc;
        if (fd < 0)
            continue;
        rc = has_none(pid, &families[i]) ? 1 : search_table(fd, port);
        if (rc == 0)
            return 0;
        readable = readable || rc > 0;
    }
    return readable ? 1 : -1;
}

static int connect_to(const char *host, uint16_t port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *list = NULL;
    char service[8];
    int fd = -1;

    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(host, service, &hints, &list) != 0)
        return -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        struct pollfd p = { .events = POLLOUT };
        int failed = 0;
        socklen_t size = sizeof failed;
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            continue;
        p.fd = fd;
        if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 &&
            (errno != EINPROGRESS || poll(&p, 1, CONNECT_MS) != 1 ||
             getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0)) {
            (void)close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

static bool answers(const char *host, uint16_t port)
{
    AUTO_CLOSE int fd = connect_to(host, port);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char byte;

    if (fd < 0)
        return false;
    if (poll(&p, 1, QUIET_MS) == 0)
        return true;                          /* still open: somebody holds the other end */
    return recv(fd, &byte, 1, MSG_PEEK) == 1; /* a banner, not an end */
}

static const char *probe_host(const Project *p)
{
    const char *address = p->m->parts.settings->publish_address;

    if (!engine_is_local(p->m->parts.engine))
        return engine_host_address(p->m->parts.engine);
    return strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1" : address;
}

static int64_t pid_of(Project *p, const char *service)
{
    ContainerState state;

    for (size_t i = 0; i < p->instance->n_containers; i++)
        if (str_eq(p->instance->containers[i].service, service) &&
            container_inspect(p->m->parts.engine, p->instance->containers[i].id, &state, NULL) == 0)
            return state.pid;
    return 0;
}

static bool port_is_ready(Project *p, size_t i, int64_t pid)
{
    int rc = pid > 0 && engine_is_local(p->m->parts.engine)
                 ? look_in_table(pid, p->challenge->ports[i].port)
                 : -1;

    return rc >= 0 ? rc == 0 : answers(probe_host(p), p->instance->ports[i].external);
}

int ready_wait(Project *p, Error *err)
{
    Millis began = clock_mono_ms(), looked = began, step = STEP_MS;
    Millis limit = began + p->m->parts.settings->ready_timeout * 1000;
    bool started_only = p->challenge->ready == CHALLENGE_READY_STARTED;
    int64_t pids[64] = { 0 };

    for (size_t i = 0; i < p->challenge->n_ports && !started_only;) {
        size_t slot = i % ARRAY_LEN(pids);
        if (pids[slot] == 0)
            pids[slot] = pid_of(p, p->challenge->ports[i].service);
        if (port_is_ready(p, i, pids[slot])) {
            i++;
            continue;
        }
        if (project_checkpoint(p, err) < 0)
            return -1;
        if (clock_mono_ms() > limit)
            return error_set(err, E_NOT_READY, "nothing listens on port %u of %s after %lld s",
                             (unsigned)p->challenge->ports[i].port, p->challenge->ports[i].service,
                             (long long)p->m->parts.settings->ready_timeout);
        if (clock_mono_ms() - looked >= ALIVE_EVERY_MS) {
            looked = clock_mono_ms();
            pids[slot] = 0; /* it may have been restarted */
            if (project_check_alive(p, err) < 0)
                return -1;
        }
        clock_sleep_ms(step);
        step = step * 2 > STEP_MAX_MS ? STEP_MAX_MS : step * 2;
    }
    return 0;
}
