/* public_host - which name players connect to. */
#pragma once

#include "settings/settings.h"

/*
 * PUBLIC_HOST; for "auto" or empty, the address instances are published on if that is one, else
 * this machine's own address by its routing table (nothing is sent), else "localhost". Caller
 * frees.
 */
char *public_host_of(const Settings *settings);
