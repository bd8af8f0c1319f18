/*
 * names - is an unknown environment name a setting that was misspelt?
 *
 * Cautious, since the ordinary environment is full of names that are none of our business.
 */
#pragma once

/* The setting that was probably meant; "" when it only looks like one of ours; NULL when not. */
const char *names_meant(const char *name, const char *value);
