/*
 * ready - is a started challenge reachable? Every port of the challenge must be listening inside
 * its container.
 *
 * With a local engine the kernel's socket table of the container says so (/proc/<pid>/net/tcp,
 * proc(5)): exact, and a service that serves one connection only is not disturbed. Otherwise a
 * connection to the published port must stay open for a moment: the engine's proxy accepts at once
 * and closes again while nobody listens behind it.
 *
 * Threads    the spawn worker.
 */
#pragma once

#include "instance/project.h"

/* Blocks until ready. E_NOT_READY after READY_TIMEOUT, E_CONTAINER_DIED, E_CANCELLED. */
MUST_USE int ready_wait(Project *project, Error *err);
/*
 * Looks for a listener on the port, other than on loopback, in the text of /proc/net/tcp or tcp6.
 * Pure.
 */
bool ready_table_has_listener(const char *table, uint16_t port);
