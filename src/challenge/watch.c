#include "challenge/watch.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COMPARE_MS = 30000,         /* between fingerprints while inotify works */
    COMPARE_FALLBACK_MS = 2000, /* ... and while it does not */
    PATIENCE = 20,              /* settle times until a call is made in spite of changes */
    DEPTH_MAX = 48,
    ENTRIES_MAX = 200000,
};

static const uint32_t EVENTS = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE |
                               IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                               IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

struct Watch {
    char *folder;
    Millis settle;
    WatchChanged fn;
    void *ctx;
    int inotify_fd; /* -1: none to be had */
    int stop_fd;
    pthread_t thread;
    /* Of the thread alone: */
    bool degraded; /* some folder could not be watched */
    bool said_degraded;
    uint64_t fingerprint;                        /* of the tree at the last scan */
    Millis changed_at, dirty_since, compared_at; /* changed_at 0: nothing to report */
};

/* --- looking at the tree -------------------------------------------------------------------- */

typedef struct Scan {
    Watch *watch;
    uint64_t sum; /* order does not matter: folders are read unsorted */
    int n_entries, depth;
    bool degraded;
} Scan;

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

static uint64_t fingerprint_of(const char *path, const struct stat *st)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *path; path++)
        h = mix(h, (unsigned char)*path);
    h = mix(h, (uint64_t)st->st_ino);
    h = mix(h, (uint64_t)st->st_mode);
    h = mix(h, (uint64_t)st->st_size);
    h = mix(h, (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec);
    return mix(h, (uint64_t)st->st_ctim.tv_sec * 1000000000u + (uint64_t)st->st_ctim.tv_nsec);
}

static void scan_folder(Scan *scan, int fd, const char *path);

static void scan_entry(Scan *scan, int dir_fd, const char *name, const char *path)
{
    struct stat st;
    Error err = { 0 };
    int fd;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    scan->sum += fingerprint_of(path, &st);
    if (!S_ISDIR(st.st_mode) || scan->depth >= DEPTH_MAX)
        return;
    fd = fs_open_dir_beneath(dir_fd, name, &err);
    if (fd >= 0)
        scan_folder(scan, fd, path);
}

/* False when it stays unwatched; a folder that just vanished needs none. */
static bool add_watch(const Watch *watch, const char *path)
{
    return watch->inotify_fd >= 0 && (inotify_add_watch(watch->inotify_fd, path, EVENTS) >= 0 ||
                                      errno == ENOENT || errno == ENOTDIR);
}

/* Takes `fd` over. Watches before it reads: what comes later makes an event. */
static void scan_folder(Scan *scan, int fd, const char *path)
{
    DIR *dir = NULL;
    struct dirent *entry;

    if (!add_watch(scan->watch, path))
        scan->degraded = true;
    dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return;
    }
    scan->depth++;
    while ((entry = readdir(dir)) != NULL && scan->n_entries < ENTRIES_MAX) {
        AUTO_FREE char *child = NULL;
        if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
            continue;
        scan->n_entries++;
        child = xasprintf("%s/%s", path, entry->d_name);
        scan_entry(scan, dirfd(dir), entry->d_name, child);
    }
    scan->depth--;
    (void)closedir(dir);
}

static void mark_changed(Watch *watch)
{
    watch->changed_at = clock_mono_ms();
    if (watch->dirty_since == 0)
        watch->dirty_since = watch->changed_at;
}

/* Renews the watches and compares the fingerprint with the one before. */
static void look(Watch *watch)
{
    Scan scan = { .watch = watch };
    int fd = open(watch->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        scan_folder(&scan, fd, watch->folder);
    if (scan.degraded && !watch->said_degraded) {
        watch->said_degraded = true;
        log_warn("challenges: folder=%s not every folder can be watched (see "
                 "fs.inotify.max_user_watches); changes are found by looking every %d ms",
                 watch->folder, COMPARE_FALLBACK_MS);
    }
    watch->degraded = scan.degraded || fd < 0; /* absent: look until it is back */
    watch->compared_at = clock_mono_ms();
    if (scan.sum != watch->fingerprint)
        mark_changed(watch);
    watch->fingerprint = scan.sum;
}

/* --- the thread ----------------------------------------------------------------------------- */

/* Empties the queue. True when the folders themselves may have changed. */
static bool read_events(Watch *watch)
{
    _Alignas(struct inotify_event) char buffer[8192];
    bool folders = false;
    ssize_t n;

    while ((n = read(watch->inotify_fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < n;) {
            struct inotify_event event;
            memcpy(&event, buffer + i, sizeof event);
            i += (ssize_t)(sizeof event + event.len);
            if (event.mask & IN_IGNORED)
                continue;
            mark_changed(watch);
            if (event.mask & (IN_ISDIR | IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF))
                folders = true;
        }
    }
    return folders;
}

static Millis sooner(Millis a, Millis b)
{
    return a < b ? a : b;
}

static Millis report_due(const Watch *watch)
{
    return sooner(watch->changed_at + watch->settle, watch->dirty_since + watch->settle * PATIENCE);
}

static Millis compare_due(const Watch *watch)
{
    return watch->compared_at + (watch->degraded ? COMPARE_FALLBACK_MS : COMPARE_MS);
}

static void report_if_due(Watch *watch)
{
    if (watch->changed_at == 0 || clock_mono_ms() < report_due(watch))
        return;
    /* Forgotten before the call: what changes while it runs is reported next. */
    watch->changed_at = 0;
    watch->dirty_since = 0;
    watch->fn(watch->ctx);
}

static void *run(void *ctx)
{
    Watch *watch = ctx;
    struct pollfd fds[] = {
        { .fd = watch->stop_fd, .events = POLLIN },
        { .fd = watch->inotify_fd, .events = POLLIN },
    };

    for (;;) {
        Millis due = compare_due(watch), wait;
        if (watch->changed_at)
            due = sooner(due, report_due(watch));
        wait = due - clock_mono_ms();
        (void)poll(fds, 2, wait < 0 ? 0 : (int)wait);
        if (fds[0].revents)
            return NULL;
        if (fds[1].revents && read_events(watch))
            look(watch);
        else if (clock_mono_ms() >= compare_due(watch))
            look(watch);
        report_if_due(watch);
    }
}

static void destroy(Watch *watch)
{
    if (watch->inotify_fd >= 0)
        (void)close(watch->inotify_fd);
    if (watch->stop_fd >= 0)
        (void)close(watch->stop_fd);
    free(watch->folder);
    free(watch);
}

int watch_new(const char *folder, Millis settle, WatchChanged fn, void *ctx, Watch **ret,
              Error *err)
{
    Watch *watch = xnew(Watch);
    int rc;

    watch->folder = xstrdup(folder);
    watch->settle = settle;
    watch->fn = fn;
    watch->ctx = ctx;
    watch->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    watch->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->stop_fd < 0) {
        destroy(watch);
        return error_sys(err, "watching %s", folder);
    }
    /* Here, not on the thread: what changes after this function returned is seen. */
    look(watch);
    watch->changed_at = watch->dirty_since = 0;
    rc = pthread_create(&watch->thread, NULL, run, watch);
    if (rc != 0) {
        destroy(watch);
        errno = rc;
        return error_sys(err, "starting the folder watcher");
    }
    *ret = watch;
    return 0;
}

void watch_free(Watch *watch)
{
    uint64_t one = 1;

    if (!watch)
        return;
    (void)!write(watch->stop_fd, &one, sizeof one);
    (void)pthread_join(watch->thread, NULL);
    destroy(watch);
}
