#include "docker/engine.h"
#include "base/alloc.h"
#include "base/lock.h"
#include "base/str.h"
#include "docker/address.h"
#include "docker/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    POOL_MAX = 24, /* idle connections kept; more are closed after use */
    CONNECT_TIMEOUT_MS = 5000,
    CALL_TIMEOUT_MS = 30000,
    FIRST_BYTE_TIMEOUT_MS = 30000,
    STOP_POLL_MS = 250,
    HEAD_MAX = 64 * 1024,
    REPLY_MAX = 8 * 1024 * 1024,
    KEEPALIVE_S = 30,
};

struct Engine {
    EngineAddress address;
    char name[320];
    char *ca, *cert, *key; /* NULL without TLS */
    EngineAgreement agreement;
    Lock pool_lock;
    CURL *pool[POOL_MAX];
    size_t n_pool;
};

/* One exchange under way. */
typedef struct Transfer {
    const EngineCall *call;
    CURL *curl;
    StrBuf *reply;
    EngineHead head;
    size_t head_bytes, reply_max;
    off_t body_pos;
    bool opened;    /* on_open was called, or would have been */
    bool stopped;   /* by on_data or *stop */
    bool too_large; /* head or body */
    bool body_short;
    char why[CURL_ERROR_SIZE];
} Transfer;

/* ---- construction ---- */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int load_certificates(Engine *e, const char *dir, Error *err)
{
    const struct {
        const char *name;
        char **path;
    } files[] = { { "ca.pem", &e->ca }, { "cert.pem", &e->cert }, { "key.pem", &e->key } };

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        *files[i].path = xasprintf("%s/%s", dir, files[i].name);
        if (access(*files[i].path, R_OK) < 0)
            return error_set(err, E_INVALID,
                             "cannot read %s: %s; DOCKER_CERT_PATH must hold ca.pem, cert.pem and "
                             "key.pem",
                             *files[i].path, strerror(errno));
    }
    return 0;
}

int engine_new(Engine **ret, const EngineOptions *options, Error *err)
{
    bool tls = options->cert_dir && *options->cert_dir;
    AUTO_ENGINE Engine *e = xnew(Engine);

    (void)pthread_once(&curl_once, init_curl);
    (void)pthread_mutex_init(&e->pool_lock, NULL);
    (void)pthread_mutex_init(&e->agreement.lock, NULL);
    if (engine_address_parse(&e->address, options->host, tls, err) < 0)
        return -1;
    if (e->address.is_unix)
        (void)snprintf(e->name, sizeof e->name, "unix://%s", e->address.path);
    else
        (void)snprintf(e->name, sizeof e->name, "%s", e->address.base_url);
    if (tls && !e->address.is_unix && load_certificates(e, options->cert_dir, err) < 0)
        return -1;
    *ret = TAKE(e);
    return 0;
}

void engine_free(Engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n_pool; i++)
        curl_easy_cleanup(e->pool[i]);
    free(e->ca);
    free(e->cert);
    free(e->key);
    (void)pthread_mutex_destroy(&e->pool_lock);
    (void)pthread_mutex_destroy(&e->agreement.lock);
    free(e);
}

bool engine_is_local(const Engine *e)
{
    return e->address.is_unix;
}

const char *engine_host_address(const Engine *e)
{
    return e->address.host;
}

EngineAgreement *engine_agreement(Engine *e)
{
    return &e->agreement;
}

const char *engine_name(const Engine *e)
{
    return e->name;
}

/* ---- the pool: a handle owns its kept-alive connection ---- */

static CURL *pool_take(Engine *e)
{
    LOCK_SCOPE(&e->pool_lock);
    return e->n_pool ? e->pool[--e->n_pool] : NULL;
}

static void pool_give(Engine *e, CURL *curl)
{
    {
        LOCK_SCOPE(&e->pool_lock);
        if (e->n_pool < POOL_MAX) {
            e->pool[e->n_pool++] = curl;
            return;
        }
    }
    curl_easy_cleanup(curl);
}

/* ---- callbacks ---- */

/* `name: value` with name in any case: copies the trimmed value, cut to size. */
static bool header_value(const char *line, size_t n, const char *name, char *ret, size_t size)
{
    size_t len = strlen(name);

    if (n <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
        return false;
    line += len + 1;
    n -= len + 1;
    while (n && (*line == ' ' || *line == '\t')) {
        line++;
        n--;
    }
    while (n && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
        n--;
    (void)snprintf(ret, size, "%.*s", (int)(n < size ? n : size - 1), line);
    return true;
}

static int status_of(CURL *curl)
{
    long status = 0;

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status >= 100 && status <= 999 ? (int)status : 0;
}

static bool is_good(int status)
{
    return status >= 200 && status < 300;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    Transfer *t = ctx;
    EngineHead *head = &t->head;
    char value[64];

    n *= size;
    t->head_bytes += n;
    if (t->head_bytes > HEAD_MAX) {
        t->too_large = true;
        return 0;
    }
    if (header_value(line, n, "Builder-Version", value, sizeof value))
        head->buildkit = str_eq(value, "2");
    else if (header_value(line, n, "Libpod-Api-Version", value, sizeof value))
        head->podman = true;
    else if (header_value(line, n, "Server", value, sizeof value))
        head->podman |= str_starts(value, "Libpod");
    else if (header_value(line, n, "Api-Version", value, sizeof value))
        (void)snprintf(head->api_version, sizeof head->api_version, "%.15s", value);
    if ((line[0] == '\r' || line[0] == '\n') && status_of(t->curl) >= 200 && !t->opened) {
        t->opened = true;
        if (t->call->on_open && is_good(status_of(t->curl)))
            t->call->on_open(t->call->ctx);
    }
    return n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    Transfer *t = ctx;

    n *= size;
    if (t->call->on_data && is_good(status_of(t->curl))) {
        if (t->call->on_data(t->call->ctx, bytes, n))
            return n;
        t->stopped = true;
        return 0;
    }
    if (n > t->reply_max - t->reply->len) {
        t->too_large = true;
        return 0;
    }
    strbuf_add(t->reply, bytes, n);
    return n;
}

/* pread keeps our own position, so that a retry can start over whatever else holds the file. */
static size_t give_body(char *bytes, size_t size, size_t n, void *ctx)
{
    Transfer *t = ctx;
    ssize_t got = pread(t->call->body_fd, bytes, size * n, t->body_pos);

    if (got <= 0) { /* libcurl asks for no more than the promised length */
        t->body_short = true;
        return CURL_READFUNC_ABORT;
    }
    t->body_pos += got;
    return (size_t)got;
}

static int seek_body(void *ctx, curl_off_t offset, int origin)
{
    Transfer *t = ctx;

    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_CANTSEEK;
    t->body_pos = (off_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- options ---- */

/* Everything every handle gets, in one place. */
static void set_common(const Engine *e, Transfer *t)
{
    CURL *c = t->curl;
    const EngineCall *call = t->call;
    Millis timeout = call->timeout ? call->timeout : CALL_TIMEOUT_MS;
    long connect = timeout > 0 && timeout < CONNECT_TIMEOUT_MS ? timeout : CONNECT_TIMEOUT_MS;

    curl_easy_reset(c); /* keeps the connection */
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout > 0 ? (long)timeout : 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* http_proxy is not for the engine */
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "whaley/" WHALEY_VERSION);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    if (e->address.is_unix)
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, e->address.path);
    if (e->ca) {
        curl_easy_setopt(c, CURLOPT_CAINFO, e->ca);
        curl_easy_setopt(c, CURLOPT_SSLCERT, e->cert);
        curl_easy_setopt(c, CURLOPT_SSLKEY, e->key);
    }
}

/* Method and body. Returns the header list, which must outlive the exchange. */
static struct curl_slist *set_request(Transfer *t)
{
    CURL *c = t->curl;
    const EngineCall *call = t->call;
    const char *type = call->content_type ? call->content_type : "application/json";
    char type_line[160];
    struct curl_slist *headers;

    /* "Expect:" switches 100-continue off, for which the engine would be waited on a second. */
    headers = curl_slist_append(NULL, "Expect:");
    if (call->body_len > 0)
        (void)snprintf(type_line, sizeof type_line, "Content-Type: %s", type);
    else
        (void)snprintf(type_line, sizeof type_line, "Content-Type:");
    headers = curl_slist_append(headers, type_line);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);

    if (call->body_len > 0 && !call->body) {
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_len);
        curl_easy_setopt(c, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(c, CURLOPT_READDATA, t);
        curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, seek_body);
        curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
    } else if (call->body_len > 0 || str_eq(call->method, "POST")) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, call->body ? call->body : "");
    }
    if (str_eq(call->method, "HEAD"))
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, call->method);
    return headers;
}

/* ---- running ---- */

static CURLcode multi_result(CURLM *multi)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(multi, &left)))
        if (msg->msg == CURLMSG_DONE)
            return msg->data.result;
    return CURLE_RECV_ERROR;
}

/*
 * Streams run on a multi handle of their own: curl_easy_perform() would look at *stop once a second
 * only, and the connection must close when the stream is left in the middle.
 */
static CURLcode run_stream(Transfer *t)
{
    CURLM *multi = curl_multi_init();
    Millis deadline = clock_mono_ms() + FIRST_BYTE_TIMEOUT_MS;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    int running = 1;

    if (!multi || curl_multi_add_handle(multi, t->curl) != CURLM_OK) {
        (void)curl_multi_cleanup(multi);
        return code;
    }
    for (;;) {
        if (t->call->stop && atomic_load(t->call->stop)) {
            t->stopped = true;
            code = CURLE_ABORTED_BY_CALLBACK;
            break;
        }
        if (t->call->timeout < 0 && !t->opened && clock_mono_ms() > deadline) {
            code = CURLE_OPERATION_TIMEDOUT;
            break;
        }
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            code = CURLE_RECV_ERROR;
            break;
        }
        if (running == 0) {
            code = multi_result(multi);
            break;
        }
        if (curl_multi_poll(multi, NULL, 0, STOP_POLL_MS, NULL) != CURLM_OK) {
            code = CURLE_RECV_ERROR;
            break;
        }
    }
    (void)curl_multi_remove_handle(multi, t->curl);
    (void)curl_multi_cleanup(multi);
    return code;
}

static int explain(const Engine *e, const Transfer *t, CURLcode code, Error *err)
{
    const char *why = t->why[0] ? t->why : curl_easy_strerror(code);
    long sys = 0;

    (void)curl_easy_getinfo(t->curl, CURLINFO_OS_ERRNO, &sys);
    if (t->too_large)
        return error_set(err, E_ENGINE_DOWN, "%s %s: answer too large", t->call->method,
                         t->call->path);
    if (t->body_short)
        return error_set(err, E_INTERNAL, "%s %s: the body's file is shorter than it was",
                         t->call->method, t->call->path);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(err, E_TIMEOUT, "%s %.200s: the engine at %s did not answer in time",
                         t->call->method, t->call->path, e->name);
    if (code == CURLE_COULDNT_CONNECT)
        return error_set(err, E_ENGINE_DOWN,
                         "cannot reach the container engine at %s: %s; is it running, and may this "
                         "user open its socket (group docker)?",
                         e->name, sys ? strerror((int)sys) : why);
    return error_set(err, E_ENGINE_DOWN, "%s %.200s at %s: %s", t->call->method, t->call->path,
                     e->name, why);
}

int engine_transfer(Engine *e, const EngineCall *call, const char *prefix, StrBuf *ret_reply,
                    EngineHead *ret_head, Error *err)
{
    bool stream = call->on_data || call->stop;
    Transfer t = { .call = call, .reply = ret_reply };
    AUTO_FREE char *url = xasprintf("%s%s%s", e->address.base_url, prefix, call->path);
    struct curl_slist *headers;
    CURLcode code;
    int r = 0;

    t.reply_max = call->reply_max ? call->reply_max : REPLY_MAX;
    t.curl = stream ? NULL : pool_take(e);
    if (!t.curl && !(t.curl = curl_easy_init()))
        return error_set(err, E_INTERNAL, "libcurl gave no handle");
    strbuf_clear(ret_reply);
    set_common(e, &t);
    headers = set_request(&t);
    curl_easy_setopt(t.curl, CURLOPT_URL, url);
    code = stream ? run_stream(&t) : curl_easy_perform(t.curl);
    t.head.status = status_of(t.curl);
    if (t.stopped)
        r = 1;
    else if (code != CURLE_OK)
        r = explain(e, &t, code, err);
    else if (!t.opened) /* libcurl takes a head that was cut for a whole one */
        r = error_set(err, E_ENGINE_DOWN, "%s %.200s: the engine's answer ends in its head",
                      call->method, call->path);
    curl_slist_free_all(headers);
    if (stream || code != CURLE_OK)
        curl_easy_cleanup(t.curl);
    else
        pool_give(e, t.curl);
    *ret_head = t.head;
    return r;
}
