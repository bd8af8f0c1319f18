#include "settings/dotenv.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Scan {
    const char *at;
    int line;
    const char *file;
    DiagList *diags;
} Scan;

void dotenv_fini(Dotenv *dotenv)
{
    for (size_t i = 0; i < dotenv->n; i++) {
        free(dotenv->items[i].key);
        free(dotenv->items[i].value);
    }
    vec_fini(dotenv);
}

static void skip_blanks(Scan *scan)
{
    while (*scan->at == ' ' || *scan->at == '\t')
        scan->at++;
}

static void skip_line(Scan *scan)
{
    scan->at += strcspn(scan->at, "\n");
    if (*scan->at == '\n') {
        scan->at++;
        scan->line++;
    }
}

static bool at_line_end(const Scan *scan)
{
    const char *at = scan->at + (*scan->at == '\r');

    return *at == '\0' || *at == '\n';
}

static bool is_key_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

/* Reads `[export ]KEY =`, or gives NULL where the line is something else. */
static char *scan_key(Scan *scan)
{
    const char *start;
    char *key;

    if (str_starts(scan->at, "export") && (scan->at[6] == ' ' || scan->at[6] == '\t')) {
        scan->at += 6;
        skip_blanks(scan);
    }
    start = scan->at;
    while (is_key_char(*scan->at))
        scan->at++;
    if (scan->at == start)
        return NULL;
    key = xstrndup(start, (size_t)(scan->at - start));
    skip_blanks(scan);
    if (*scan->at != '=') {
        free(key);
        return NULL;
    }
    scan->at++;
    skip_blanks(scan);
    return key;
}

static void add_escaped(char c, char quote, StrBuf *value)
{
    static const char names[] = "nrt", meant[] = "\n\r\t";
    const char *name = quote == '"' && c ? strchr(names, c) : NULL;

    if (name) {
        strbuf_addc(value, meant[name - names]);
        return;
    }
    if (c != '\\' && c != quote && !(quote == '"' && c == '$'))
        strbuf_addc(value, '\\'); /* an escape we do not know stays as written */
    strbuf_addc(value, c);
}

/* False at the end of the file without a closing quote. */
static bool scan_quoted(Scan *scan, StrBuf *value)
{
    char quote = *scan->at++;

    for (; *scan->at && *scan->at != quote; scan->at++) {
        if (*scan->at == '\\' && scan->at[1]) {
            scan->at++;
            add_escaped(*scan->at, quote, value);
        } else {
            strbuf_addc(value, *scan->at);
        }
        if (*scan->at == '\n')
            scan->line++;
    }
    if (!*scan->at)
        return false;
    scan->at++;
    return true;
}

/* To the end of the line, or to a # after a blank. */
static void scan_plain(Scan *scan, StrBuf *value)
{
    const char *start = scan->at;
    const char *end = start;

    for (; *scan->at && *scan->at != '\n'; scan->at++) {
        if (*scan->at == '#' && (scan->at == start || isspace((unsigned char)scan->at[-1])))
            break;
        if (!isspace((unsigned char)*scan->at))
            end = scan->at + 1;
    }
    strbuf_add(value, start, (size_t)(end - start));
}

static void warn_expansion(const Scan *scan, int line, const char *key, const char *value)
{
    if (strstr(value, "${"))
        diag_add(scan->diags, DIAG_WARNING, (DiagAt){ scan->file, line, 1, key },
                 "dotenv-no-expansion", "write the value out, or put it between single quotes",
                 "${...} is not expanded here");
}

/* The value after the `=`; NULL was reported. */
static char *scan_value(Scan *scan, const char *key)
{
    AUTO_STRBUF StrBuf value = { 0 };
    DiagAt at = { scan->file, scan->line, 1, key };
    char quote = *scan->at;

    if (quote != '"' && quote != '\'') {
        scan_plain(scan, &value);
    } else if (!scan_quoted(scan, &value)) {
        diag_add(scan->diags, DIAG_ERROR, at, "dotenv-unclosed-quote", NULL,
                 "the value begins with %c and never ends", quote);
        return NULL;
    } else {
        skip_blanks(scan);
        if (!at_line_end(scan) && *scan->at != '#')
            diag_add(scan->diags, DIAG_WARNING, at, "dotenv-trailing", NULL,
                     "what stands behind the closing quote is ignored");
    }
    if (quote != '\'')
        warn_expansion(scan, at.line, key, strbuf_str(&value));
    return strbuf_take(&value);
}

static void scan_line(Scan *scan, Dotenv *dotenv)
{
    int line = scan->line;
    char *key, *value;

    skip_blanks(scan);
    if (*scan->at == '#' || at_line_end(scan))
        return;
    key = scan_key(scan);
    if (!key) {
        diag_add(scan->diags, DIAG_WARNING, (DiagAt){ scan->file, line, 1, NULL }, "dotenv-line",
                 "start a comment with #", "the line is not KEY=VALUE; ignored");
        return;
    }
    value = scan_value(scan, key);
    if (!value)
        free(key);
    else
        vec_push(dotenv, (DotenvEntry){ key, value, line });
}

void dotenv_parse(Dotenv *ret, const char *text, const char *file, DiagList *diags)
{
    Scan scan = { .at = text, .line = 1, .file = file, .diags = diags };

    if (str_starts(text, "\xEF\xBB\xBF"))
        scan.at += 3; /* byte order mark of some editors */
    while (*scan.at) {
        scan_line(&scan, ret);
        skip_line(&scan);
    }
}

void dotenv_load(Dotenv *ret, const char *path, DiagList *diags)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    Error err = { 0 };
    DiagAt at = { .file = path };

    if (fs_read_file(path, DOTENV_MAX, &text, &len, &err) < 0) {
        if (err.code != E_NOT_FOUND)
            diag_add(diags, DIAG_ERROR, at, "dotenv-unreadable", NULL, "%s", err.detail);
        return;
    }
    if (strlen(text) != len) {
        diag_add(diags, DIAG_ERROR, at, "dotenv-binary", NULL,
                 "the file holds NUL bytes; it must be plain text");
        return;
    }
    dotenv_parse(ret, text, path, diags);
}
