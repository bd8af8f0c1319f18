/*
 * catalogue - every challenge in CHALLENGES_DIR, as immutable snapshots.
 *
 * A reload reads the folder anew and swaps the snapshot; challenges whose revision did not change
 * keep their object. Two folders with one id: the first by folder name wins, the other is listed
 * as broken. catalogue_watch() reloads by itself when files change and have been quiet for the
 * settle time.
 *
 * Threads    any. Reload is serialised inside.
 */
#pragma once

#include "challenge/challenge.h"

typedef struct Catalogue Catalogue;

/* One snapshot: sorted by id, broken ones included. */
typedef struct CatalogueSnapshot {
    _Atomic unsigned refs;
    Challenge **items;
    size_t n;
} CatalogueSnapshot;

/*
 * Called after a reload that changed something, from the thread that reloaded. It must not reload:
 * reloads are one at a time, and its own is not over.
 */
typedef void (*CatalogueChanged)(void *ctx, const CatalogueSnapshot *now);

Catalogue *catalogue_new(const char *challenges_dir, const ChallengeRules *rules);
/* One that holds this challenge alone and is never reloaded; the challenge must be sound. */
Catalogue *catalogue_of(Challenge *challenge);
void catalogue_free(Catalogue *catalogue); /* stops watching */
DEFINE_CLEANUP(Catalogue, catalogue_free_p, catalogue_free)
#define AUTO_CATALOGUE CLEANUP(catalogue_free_p)

void catalogue_on_change(Catalogue *catalogue, CatalogueChanged fn, void *ctx);
/* < 0 when CHALLENGES_DIR cannot be read; then the old snapshot stays. */
MUST_USE int catalogue_reload(Catalogue *catalogue, Error *err);
/* Starts a thread on inotify that reloads after `settle_ms` of quiet. */
MUST_USE int catalogue_watch(Catalogue *catalogue, long long settle_ms, Error *err);

CatalogueSnapshot *catalogue_snapshot(Catalogue *catalogue); /* a reference */
void catalogue_snapshot_unref(CatalogueSnapshot *snapshot);
DEFINE_CLEANUP(CatalogueSnapshot, catalogue_snapshot_unref_p, catalogue_snapshot_unref)
#define AUTO_SNAPSHOT CLEANUP(catalogue_snapshot_unref_p)
/* By exact id; a reference, or NULL. */
Challenge *catalogue_find(Catalogue *catalogue, const char *challenge_id);
