/*
 * review - what the files of a sound challenge say beyond their syntax: COPY sources that are not
 * there, images that must be on the engine, limits above the caps, where a player's own flag could
 * go. Notes and warnings only; nothing here breaks a challenge.
 *
 * Limits     REVIEW_FILES_MAX files of at most REVIEW_FILE_MAX bytes are searched for the
 *            placeholder; larger ones are skipped.
 */
#pragma once

#include "challenge/challenge.h"

enum { REVIEW_FILES_MAX = 5000, REVIEW_FILE_MAX = 256 * 1024, REVIEW_DEPTH_MAX = 16 };

/* Needs challenge->plan. Sets challenge->flag_used. */
void review_challenge(Challenge *challenge, int dir_fd, const ChallengeRules *rules);
/* The part about flags, in review_flags.c. */
void review_flags(Challenge *challenge, int dir_fd, const char *prefix);
