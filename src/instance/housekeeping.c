/*
 * housekeeping - what is looked at now and then on the engine and in the host's firewall. On a
 * thread of its own, because either may take its time.
 */
#include "base/log.h"
#include "instance/firewall.h"

enum { FIREWALL_EVERY_MS = 60000 };

static void wait_until(Manager *m, Millis when)
{
    LOCK_SCOPE(&m->lock);

    while (!atomic_load(&m->stop) && clock_mono_ms() < when)
        (void)lock_cond_wait_until(&m->housekeeping_wake, &m->lock, when);
}

static void sweep_now(Manager *m)
{
    Error err = { 0 };

    survey_engine(m);
    if (sweep(m, m->parts.settings->sweep_window * 1000, &err) < 0)
        log_warn("sweep: %s", err.detail);
}

void *housekeeping_thread(void *manager)
{
    Manager *m = manager;
    Millis sweep_every = m->parts.settings->sweep_interval * 1000;
    Millis firewall_at = clock_mono_ms() + FIREWALL_EVERY_MS;
    Millis sweep_at = clock_mono_ms() + sweep_every;

    for (;;) {
        wait_until(m, firewall_at < sweep_at ? firewall_at : sweep_at);
        if (atomic_load(&m->stop))
            return NULL;
        if (clock_mono_ms() >= firewall_at) {
            firewall_assert(m->firewall);
            firewall_at = clock_mono_ms() + FIREWALL_EVERY_MS;
        }
        if (clock_mono_ms() >= sweep_at) {
            sweep_now(m);
            sweep_at = clock_mono_ms() + sweep_every;
        }
    }
}
