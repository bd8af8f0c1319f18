/*
 * daemon - `whaley serve`: everything started in order, run until a signal, ended in reverse.
 *
 * SIGTERM, SIGINT  drain and end; instances keep running.
 * SIGHUP           read the challenges again.
 */
#pragma once

#include "settings/settings.h"

/* Returns the exit status: 0 after a signal, 1 when something could not be started. */
int daemon_serve(const Settings *settings);
