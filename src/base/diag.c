#include "base/diag.h"
#include "base/alloc.h"
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdlib.h>

static const char *const severity_names[] = { "error", "warning", "note" };

void diag_list_fini(DiagList *list)
{
    for (size_t i = 0; i < list->n; i++) {
        Diag *d = &list->items[i];
        free(d->file);
        free(d->field);
        free(d->code);
        free(d->message);
        free(d->hint);
    }
    free(list->items);
    *list = (DiagList){ 0 };
}

void diag_add(DiagList *list, DiagSeverity severity, DiagAt at, const char *code, const char *hint,
              const char *fmt, ...)
{
    va_list args;

    if (severity == DIAG_ERROR)
        list->n_errors++;
    else if (severity == DIAG_WARNING)
        list->n_warnings++;
    if (list->n >= DIAG_MAX) {
        list->n_dropped++;
        return;
    }
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 8;
        list->items = xrealloc(list->items, list->cap * sizeof *list->items);
    }
    va_start(args, fmt);
    list->items[list->n++] = (Diag){
        .severity = severity,
        .file = xstrdup(at.file ? at.file : "?"),
        .line = at.line,
        .column = at.column,
        .field = xstrdup_or_null(at.field),
        .code = xstrdup(code),
        .message = xvasprintf(fmt, args),
        .hint = xstrdup_or_null(hint),
    };
    va_end(args);
}

char *diag_format(const Diag *d)
{
    AUTO_STRBUF StrBuf b = { 0 };

    strbuf_adds(&b, d->file);
    if (d->line)
        strbuf_addf(&b, ":%d:%d", d->line, d->column);
    strbuf_addf(&b, ": %s: ", severity_names[d->severity]);
    if (d->field)
        strbuf_addf(&b, "%s: ", d->field);
    strbuf_addf(&b, "%s [%s]", d->message, d->code);
    if (d->hint)
        strbuf_addf(&b, "\n    hint: %s", d->hint);
    return strbuf_take(&b);
}

const Diag *diag_first_error(const DiagList *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].severity == DIAG_ERROR)
            return &list->items[i];
    return NULL;
}
