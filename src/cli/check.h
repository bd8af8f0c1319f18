/*
 * check - `whaley check DIR...`: what is wrong with challenge folders, as a compiler says it.
 *
 * A DIR is a challenge folder or a folder of challenge folders. Nothing is run, built or sent,
 * unless
 * --build or --run ask for it.
 *
 * Failure    exit status 0: no errors (warnings at most); 1: errors; 2: wrong usage.
 */
#pragma once

#include <stdio.h>

int cli_check(int argc, char **argv); /* argv[0] is "check" */
/* The same with streams of the caller's. */
int cli_check_to(FILE *out, FILE *trouble, int argc, char **argv);
