#include "challenge/catalogue.h"
#include "base/alloc.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "challenge/build.h"
#include "challenge/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHALLENGES_MAX = 5000 };

typedef struct Observer {
    CatalogueChanged fn;
    void *ctx;
} Observer;

struct Catalogue {
    char *dir;
    ChallengeRules rules;
    Lock reload_lock; /* held for a whole reload: one at a time */
    Lock lock;        /* the two fields below; never held across I/O */
    CatalogueSnapshot *now;
    VEC(Observer) observers;
    Watch *watch; /* const after catalogue_watch() */
};

/* --- snapshots ------------------------------------------------------------------------------ */

static CatalogueSnapshot *snapshot_new(void)
{
    CatalogueSnapshot *snapshot = xnew(CatalogueSnapshot);

    atomic_init(&snapshot->refs, 1);
    return snapshot;
}

void catalogue_snapshot_unref(CatalogueSnapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < snapshot->n; i++)
        challenge_unref(snapshot->items[i]);
    free(snapshot->items);
    free(snapshot);
}

CatalogueSnapshot *catalogue_snapshot(Catalogue *catalogue)
{
    LOCK_SCOPE(&catalogue->lock);
    atomic_fetch_add_explicit(&catalogue->now->refs, 1, memory_order_relaxed);
    return catalogue->now;
}

/* The first of this id; it sorts before broken ones of the same id. */
static Challenge *find_in(const CatalogueSnapshot *snapshot, const char *id)
{
    size_t from = 0, to = snapshot->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(snapshot->items[middle]->id, id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from < snapshot->n && str_eq(snapshot->items[from]->id, id) ? snapshot->items[from]
                                                                       : NULL;
}

Challenge *catalogue_find(Catalogue *catalogue, const char *challenge_id)
{
    AUTO_SNAPSHOT CatalogueSnapshot *now = catalogue_snapshot(catalogue);
    Challenge *found = find_in(now, challenge_id);

    return found ? challenge_ref(found) : NULL;
}

/* --- reading the folder --------------------------------------------------------------------- */

static int by_folder(const void *a, const void *b)
{
    const Challenge *x = *(Challenge *const *)a, *y = *(Challenge *const *)b;

    return strcmp(x->folder, y->folder);
}

static int by_id(const void *a, const void *b)
{
    const Challenge *x = *(Challenge *const *)a, *y = *(Challenge *const *)b;
    int order = strcmp(x->id, y->id);

    if (order == 0)
        order = x->broken - y->broken;
    return order != 0 ? order : strcmp(x->folder, y->folder);
}

static void sort(CatalogueSnapshot *snapshot, int (*order)(const void *, const void *))
{
    if (snapshot->n > 1)
        qsort(snapshot->items, snapshot->n, sizeof *snapshot->items, order);
}

/* A folder of its own that is not hidden. Links are left out: they may lead anywhere. */
static bool is_challenge_folder(int dir_fd, const char *name)
{
    struct stat st;

    if (name[0] == '.' || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (S_ISLNK(st.st_mode))
        log_info("challenges: folder=%s skipped: symbolic links are not followed", name);
    return S_ISDIR(st.st_mode);
}

/* NULL when the folder vanished meanwhile. */
static Challenge *load(const Catalogue *catalogue, const char *name)
{
    AUTO_FREE char *path = xasprintf("%s/%s", catalogue->dir, name);
    Challenge *challenge = NULL;
    Error err = { 0 };

    if (challenge_load(path, name, &catalogue->rules, &challenge, &err) == 0)
        return challenge;
    return err.code == E_NOT_FOUND ? NULL : challenge_new_broken(path, name, &err);
}

static int read_folder(const Catalogue *catalogue, CatalogueSnapshot *into, Error *err)
{
    const char *dir = catalogue->dir;
    VEC(Challenge *) found = { 0 };
    DIR *stream = opendir(dir);
    struct dirent *entry;

    if (!stream)
        return error_sys(err, "reading the challenges in %s", dir);
    errno = 0;
    while (found.n < CHALLENGES_MAX && (entry = readdir(stream)) != NULL) {
        Challenge *challenge = is_challenge_folder(dirfd(stream), entry->d_name)
                                   ? load(catalogue, entry->d_name)
                                   : NULL;
        if (challenge)
            vec_push(&found, challenge);
        errno = 0;
    }
    into->items = found.items;
    into->n = found.n;
    if (errno != 0) {
        (void)error_sys(err, "reading the challenges in %s", dir);
        (void)closedir(stream);
        return -1;
    }
    (void)closedir(stream);
    return 0;
}

/*
 * The first sound folder by name keeps an id; other sound ones are broken by it. One that is broken
 * anyway takes no id from another. Sorted by folder.
 */
static void mark_duplicates(CatalogueSnapshot *snapshot)
{
    AUTO_MAP Map *ids = map_new();

    for (size_t i = 0; i < snapshot->n; i++) {
        Challenge *challenge = snapshot->items[i];
        const Challenge *first = map_get(ids, challenge->id);
        if (challenge->broken)
            continue;
        if (!first) {
            (void)map_put(ids, challenge->id, challenge);
            continue;
        }
        challenge->broken = true;
        plan_free(challenge->plan);
        challenge->plan = NULL;
        diag_add(&challenge->diags, DIAG_ERROR,
                 (DiagAt){ .file = challenge->config_file, .field = "id" }, "duplicate-id",
                 "give it an id of its own", "folder %s has the id '%s' already", first->folder,
                 challenge->id);
    }
}

/* --- reload --------------------------------------------------------------------------------- */

static bool same_diags(const DiagList *a, const DiagList *b)
{
    if (a->n != b->n || a->n_errors != b->n_errors || a->n_dropped != b->n_dropped)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!str_eq(a->items[i].code, b->items[i].code) ||
            !str_eq(a->items[i].file, b->items[i].file) ||
            !str_eq(a->items[i].message, b->items[i].message))
            return false;
    return true;
}

/* The revision covers all files; the diagnostics cover what lies outside them. */
static bool unchanged(const Challenge *before, const Challenge *now)
{
    return str_eq(before->revision, now->revision) && before->broken == now->broken &&
           str_eq(before->id, now->id) && same_diags(&before->diags, &now->diags);
}

/* Puts the old objects of unchanged challenges into `now`. True when all of it is as before. */
static bool keep_unchanged(const CatalogueSnapshot *before, CatalogueSnapshot *now)
{
    AUTO_MAP Map *folders = map_new();
    size_t n_kept = 0;

    for (size_t i = 0; i < before->n; i++)
        (void)map_put(folders, before->items[i]->folder, before->items[i]);
    for (size_t i = 0; i < now->n; i++) {
        Challenge *old = map_get(folders, now->items[i]->folder);
        if (!old || !unchanged(old, now->items[i]))
            continue;
        challenge_unref(now->items[i]);
        now->items[i] = challenge_ref(old);
        n_kept++;
    }
    return n_kept == now->n && n_kept == before->n;
}

static void tell_observers(Catalogue *catalogue)
{
    AUTO_SNAPSHOT CatalogueSnapshot *now = catalogue_snapshot(catalogue);

    for (size_t i = 0;; i++) {
        Observer observer = { 0 };
        {
            LOCK_SCOPE(&catalogue->lock);
            if (i < catalogue->observers.n)
                observer = catalogue->observers.items[i];
        }
        if (!observer.fn)
            return;
        observer.fn(observer.ctx, now);
    }
}

int catalogue_reload(Catalogue *catalogue, Error *err)
{
    AUTO_SNAPSHOT CatalogueSnapshot *fresh = snapshot_new();
    AUTO_SNAPSHOT CatalogueSnapshot *before = NULL;
    LOCK_SCOPE(&catalogue->reload_lock);

    if (read_folder(catalogue, fresh, err) < 0)
        return -1;
    sort(fresh, by_folder);
    mark_duplicates(fresh);
    before = catalogue_snapshot(catalogue);
    if (keep_unchanged(before, fresh))
        return 0;
    sort(fresh, by_id);
    {
        LOCK_SCOPE(&catalogue->lock);
        catalogue_snapshot_unref(catalogue->now); /* `before` keeps it: no I/O, no free here */
        catalogue->now = TAKE(fresh);
    }
    tell_observers(catalogue);
    return 0;
}

/* --- life ----------------------------------------------------------------------------------- */

Catalogue *catalogue_new(const char *challenges_dir, const ChallengeRules *rules)
{
    Catalogue *catalogue = xnew(Catalogue);
    char *absolute = realpath(challenges_dir, NULL);

    catalogue->rules = *rules;
    catalogue->dir = absolute ? absolute : xstrdup(challenges_dir);
    (void)pthread_mutex_init(&catalogue->reload_lock, NULL);
    (void)pthread_mutex_init(&catalogue->lock, NULL);
    catalogue->now = snapshot_new();
    return catalogue;
}

Catalogue *catalogue_of(Challenge *challenge)
{
    const ChallengeRules none = { 0 };
    Catalogue *catalogue = catalogue_new(challenge->path, &none);

    catalogue->now->items = xcalloc(1, sizeof(Challenge *));
    catalogue->now->items[0] = challenge_ref(challenge);
    catalogue->now->n = 1;
    return catalogue;
}

void catalogue_free(Catalogue *catalogue)
{
    if (!catalogue)
        return;
    watch_free(catalogue->watch);
    catalogue_snapshot_unref(catalogue->now);
    vec_fini(&catalogue->observers);
    (void)pthread_mutex_destroy(&catalogue->reload_lock);
    (void)pthread_mutex_destroy(&catalogue->lock);
    free(catalogue->dir);
    free(catalogue);
}

void catalogue_on_change(Catalogue *catalogue, CatalogueChanged fn, void *ctx)
{
    LOCK_SCOPE(&catalogue->lock);
    vec_push(&catalogue->observers, (Observer){ fn, ctx });
}

/* On the watcher's thread: where an error stops. */
static void on_files_changed(void *ctx)
{
    Error err = { 0 };

    if (catalogue_reload(ctx, &err) < 0)
        log_error("challenges: the reload failed, the old ones stay: %s", err.detail);
}

int catalogue_watch(Catalogue *catalogue, long long settle_ms, Error *err)
{
    if (catalogue->watch)
        return error_set(err, E_CONFLICT, "%s is watched already", catalogue->dir);
    return watch_new(catalogue->dir, settle_ms, on_files_changed, catalogue, &catalogue->watch,
                     err);
}
