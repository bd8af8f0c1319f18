/*
 * check_report - what `whaley check` found, and the three forms it is printed in. Private to
 * cli/check*.c.
 */
#pragma once

#include "base/vec.h"
#include "challenge/challenge.h"

#include <stdio.h>

/* A challenge and the DIR it was found in, as the user wrote it. */
typedef struct Checked {
    Challenge *challenge;
    char *shown;    /* path to print before file names */
    DiagList tried; /* what --build and --run found */
} Checked;

typedef struct CheckReport {
    FILE *out;
    bool colour;
    VEC(Checked) found;
    VEC(char *) skipped; /* symbolic links */
} CheckReport;

typedef struct CheckTotals {
    size_t broken, errors, warnings;
} CheckTotals;

void check_report_fini(CheckReport *report);
/* All diagnostics of a challenge, by index; NULL behind the last. */
const Diag *checked_diag(const Checked *checked, size_t i);
/* Files are broken, or it could not be built or run. */
bool checked_is_broken(const Checked *checked);
CheckTotals checked_totals(const Checked *checked);
CheckTotals check_report_totals(const CheckReport *report);
const char *check_severity_name(DiagSeverity severity);

void check_print_text(const CheckReport *report);
void check_print_json(const CheckReport *report);
/* SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/ */
void check_print_sarif(const CheckReport *report);
/* A copy whose control characters are '?': a file may hold anything, and a terminal must not be
 * told to do things by it. NULL gives NULL. */
char *check_harmless(const char *text);
