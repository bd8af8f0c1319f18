#include "cli/check_report.h"
#include "base/alloc.h"

void check_report_fini(CheckReport *report)
{
    for (size_t i = 0; i < report->found.n; i++) {
        challenge_unref(report->found.items[i].challenge);
        diag_list_fini(&report->found.items[i].tried);
        free(report->found.items[i].shown);
    }
    for (size_t i = 0; i < report->skipped.n; i++)
        free(report->skipped.items[i]);
    vec_fini(&report->found);
    vec_fini(&report->skipped);
}

const Diag *checked_diag(const Checked *checked, size_t i)
{
    const DiagList *files = &checked->challenge->diags, *tried = &checked->tried;

    if (i < files->n)
        return &files->items[i];
    return i - files->n < tried->n ? &tried->items[i - files->n] : NULL;
}

bool checked_is_broken(const Checked *checked)
{
    return checked->challenge->broken || checked->tried.n_errors > 0;
}

CheckTotals checked_totals(const Checked *checked)
{
    return (CheckTotals){
        .broken = checked_is_broken(checked) ? 1 : 0,
        .errors = checked->challenge->diags.n_errors + checked->tried.n_errors,
        .warnings = checked->challenge->diags.n_warnings + checked->tried.n_warnings,
    };
}

CheckTotals check_report_totals(const CheckReport *report)
{
    CheckTotals all = { 0 };

    for (size_t i = 0; i < report->found.n; i++) {
        CheckTotals one = checked_totals(&report->found.items[i]);
        all.broken += one.broken;
        all.errors += one.errors;
        all.warnings += one.warnings;
    }
    return all;
}

const char *check_severity_name(DiagSeverity severity)
{
    static const char *const names[] = { "error", "warning", "note" };

    return names[severity];
}

char *check_harmless(const char *text)
{
    char *copy = xstrdup_or_null(text);

    for (char *p = copy; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return copy;
}
