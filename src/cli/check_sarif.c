/* `whaley check` for code scanning: one SARIF log of one run. */
#include "base/str.h"
#include "base/strbuf.h"
#include "cli/check_report.h"
#include "wire/json_write.h"

#include <ctype.h>
#include <string.h>

#define SCHEMA                                                                                     \
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#define SKIPPED "skipped-link"

typedef struct Rules {
    VEC(const char *) codes; /* borrowed */
} Rules;

static void rules_add(Rules *rules, const char *code)
{
    for (size_t i = 0; i < rules->codes.n; i++)
        if (str_eq(rules->codes.items[i], code))
            return;
    vec_push(&rules->codes, code);
}

static void rules_collect(Rules *rules, const CheckReport *report)
{
    const Diag *diag;

    if (report->skipped.n > 0)
        rules_add(rules, SKIPPED);
    for (size_t i = 0; i < report->found.n; i++)
        for (size_t k = 0; (diag = checked_diag(&report->found.items[i], k)) != NULL; k++)
            rules_add(rules, diag->code);
}

/* A relative or absolute path as a URI reference. */
static void put_uri(JsonWriter *w, const char *folder, const char *file)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf uri = { 0 };

    strbuf_adds(&path, folder);
    if (file && !str_eq(file, "."))
        strbuf_addf(&path, "/%s", file);
    if (strbuf_str(&path)[0] == '/')
        strbuf_adds(&uri, "file://");
    for (const char *p = strbuf_str(&path); *p; p++) {
        if (isalnum((unsigned char)*p) || strchr("/-_.~", *p))
            strbuf_addc(&uri, *p);
        else
            strbuf_addf(&uri, "%%%02X", (unsigned char)*p);
    }
    json_put_string(w, "uri", strbuf_str(&uri));
}

static void write_location(JsonWriter *w, const char *folder, const char *file, const Diag *diag)
{
    json_write_key(w, "locations");
    json_write_array(w);
    json_write_object(w);
    json_write_key(w, "physicalLocation");
    json_write_object(w);
    json_write_key(w, "artifactLocation");
    json_write_object(w);
    put_uri(w, folder, file);
    json_write_end_object(w);
    if (diag && diag->line > 0) {
        json_write_key(w, "region");
        json_write_object(w);
        json_put_int(w, "startLine", diag->line);
        if (diag->column > 0)
            json_put_int(w, "startColumn", diag->column);
        json_write_end_object(w);
    }
    json_write_end_object(w);
    json_write_end_object(w);
    json_write_end_array(w);
}

static void write_head(JsonWriter *w, const char *rule, const char *level, const char *text)
{
    json_put_string(w, "ruleId", rule);
    json_put_string(w, "level", level);
    json_write_key(w, "message");
    json_write_object(w);
    json_put_string(w, "text", text);
    json_write_end_object(w);
}

static void write_result(JsonWriter *w, const char *folder, const Diag *diag)
{
    AUTO_STRBUF StrBuf text = { 0 };

    if (diag->field)
        strbuf_addf(&text, "%s: ", diag->field);
    strbuf_adds(&text, diag->message);
    if (diag->hint)
        strbuf_addf(&text, "\nhint: %s", diag->hint);
    json_write_object(w);
    write_head(w, diag->code, check_severity_name(diag->severity), strbuf_str(&text));
    write_location(w, folder, diag->file, diag);
    json_write_end_object(w);
}

static void write_results(JsonWriter *w, const CheckReport *report)
{
    const Diag *diag;

    json_write_key(w, "results");
    json_write_array(w);
    for (size_t i = 0; i < report->skipped.n; i++) {
        json_write_object(w);
        write_head(w, SKIPPED, "note", "skipped: symbolic links are not followed");
        write_location(w, report->skipped.items[i], NULL, NULL);
        json_write_end_object(w);
    }
    for (size_t i = 0; i < report->found.n; i++)
        for (size_t k = 0; (diag = checked_diag(&report->found.items[i], k)) != NULL; k++)
            write_result(w, report->found.items[i].shown, diag);
    json_write_end_array(w);
}

static void write_tool(JsonWriter *w, const CheckReport *report)
{
    Rules rules = { 0 };

    rules_collect(&rules, report);
    json_write_key(w, "tool");
    json_write_object(w);
    json_write_key(w, "driver");
    json_write_object(w);
    json_put_string(w, "name", "whaley");
    json_put_string(w, "version", WHALEY_VERSION);
    json_write_key(w, "rules");
    json_write_array(w);
    for (size_t i = 0; i < rules.codes.n; i++) {
        json_write_object(w);
        json_put_string(w, "id", rules.codes.items[i]);
        json_write_end_object(w);
    }
    json_write_end_array(w);
    json_write_end_object(w);
    json_write_end_object(w);
    vec_fini(&rules.codes);
}

void check_print_sarif(const CheckReport *report)
{
    AUTO_STRBUF StrBuf buf = { 0 };
    JsonWriter w = { .out = &buf };

    json_write_object(&w);
    json_put_string(&w, "$schema", SCHEMA);
    json_put_string(&w, "version", "2.1.0");
    json_write_key(&w, "runs");
    json_write_array(&w);
    json_write_object(&w);
    write_tool(&w, report);
    write_results(&w, report);
    json_write_end_object(&w);
    json_write_end_array(&w);
    json_write_end_object(&w);
    (void)fprintf(report->out, "%s\n", strbuf_str(&buf));
}
