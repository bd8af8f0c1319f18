/* `whaley check` for people: as a compiler says it. */
#include "base/alloc.h"
#include "base/strbuf.h"
#include "cli/check_report.h"

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

static const char *colour_of(DiagSeverity severity)
{
    static const char *const colours[] = { "\033[1;31m", "\033[1;33m", "\033[1;36m" };

    return colours[severity];
}

static void print_diag(const CheckReport *report, const char *shown, const Diag *diag)
{
    AUTO_FREE char *folder = check_harmless(shown);
    AUTO_FREE char *file = check_harmless(diag->file);
    AUTO_FREE char *field = check_harmless(diag->field);
    AUTO_FREE char *message = check_harmless(diag->message);
    AUTO_FREE char *hint = check_harmless(diag->hint);
    const char *plain = report->colour ? PLAIN : "";
    AUTO_STRBUF StrBuf b = { 0 };

    strbuf_addf(&b, "%s%s/%s", report->colour ? BOLD : "", folder, file);
    if (diag->line)
        strbuf_addf(&b, ":%d:%d", diag->line, diag->column);
    strbuf_addf(&b, ":%s %s%s:%s ", plain, report->colour ? colour_of(diag->severity) : "",
                check_severity_name(diag->severity), plain);
    if (field)
        strbuf_addf(&b, "%s: ", field);
    strbuf_addf(&b, "%s [%s]\n", message, diag->code);
    if (hint)
        strbuf_addf(&b, "    hint: %s\n", hint);
    (void)fputs(strbuf_str(&b), report->out);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void print_challenge(const CheckReport *report, const Checked *checked)
{
    const Challenge *c = checked->challenge;
    CheckTotals totals = checked_totals(checked);
    AUTO_FREE char *folder = check_harmless(checked->shown);
    const Diag *diag;

    for (size_t i = 0; (diag = checked_diag(checked, i)) != NULL; i++)
        print_diag(report, checked->shown, diag);
    if (c->diags.n_dropped > 0)
        (void)fprintf(report->out, "%s: %zu more not shown\n", folder, c->diags.n_dropped);
    if (totals.errors + totals.warnings > 0)
        (void)fprintf(report->out, "%s: %s: %zu error%s, %zu warning%s\n", folder,
                      totals.broken ? "broken" : "ok", totals.errors, plural(totals.errors),
                      totals.warnings, plural(totals.warnings));
    else
        (void)fprintf(report->out, "%s: ok: id %s, %zu port%s, revision %s\n", folder, c->id,
                      c->n_ports, plural(c->n_ports), c->revision);
}

void check_print_text(const CheckReport *report)
{
    CheckTotals totals = check_report_totals(report);
    size_t n = report->found.n;

    for (size_t i = 0; i < report->skipped.n; i++) {
        AUTO_FREE char *path = check_harmless(report->skipped.items[i]);
        (void)fprintf(report->out, "%s: note: skipped: symbolic links are not followed\n", path);
    }
    for (size_t i = 0; i < n; i++)
        print_challenge(report, &report->found.items[i]);
    (void)fprintf(report->out, "%zu challenge%s: %zu ok, %zu broken; %zu error%s, %zu warning%s\n",
                  n, plural(n), n - totals.broken, totals.broken, totals.errors,
                  plural(totals.errors), totals.warnings, plural(totals.warnings));
}
