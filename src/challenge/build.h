/* build - making Challenges, for the files of this folder only. */
#pragma once

#include "challenge/challenge.h"

/* Named after its folder, with defaults, one reference. */
Challenge *challenge_new(const char *path, const char *folder);
/* One that could not be read at all. */
Challenge *challenge_new_broken(const char *path, const char *folder, const Error *why);
