/* `whaley check` for programs: one document. */
#include "cli/check_report.h"
#include "wire/json_write.h"

static void write_diag(JsonWriter *w, const Diag *diag)
{
    json_write_object(w);
    json_put_string(w, "severity", check_severity_name(diag->severity));
    json_put_string(w, "code", diag->code);
    json_put_string(w, "file", diag->file);
    json_put_int(w, "line", diag->line);
    json_put_int(w, "column", diag->column);
    json_put_string(w, "field", diag->field);
    json_put_string(w, "message", diag->message);
    json_put_string(w, "hint", diag->hint);
    json_write_end_object(w);
}

static void write_ports(JsonWriter *w, const Challenge *challenge)
{
    json_write_key(w, "ports");
    json_write_array(w);
    for (size_t i = 0; i < challenge->n_ports; i++) {
        const ChallengePort *port = &challenge->ports[i];
        json_write_object(w);
        json_put_int(w, "port", port->port);
        json_put_string(w, "protocol", challenge_protocol_name(port->protocol));
        json_put_string(w, "label", port->label);
        json_put_string(w, "service", port->service);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static void write_challenge(JsonWriter *w, const Checked *checked)
{
    const Challenge *c = checked->challenge;
    CheckTotals totals = checked_totals(checked);
    const Diag *diag;

    json_write_object(w);
    json_put_string(w, "id", c->id);
    json_put_string(w, "name", c->name);
    json_put_string(w, "category", c->category);
    json_put_string(w, "folder", checked->shown);
    json_put_string(w, "config_file", c->config_file);
    json_put_string(w, "compose_file", c->compose_file);
    json_put_string(w, "revision", c->revision);
    json_put_string(w, "flag_delivery", flag_delivery_name(c->flag_used));
    json_put_bool(w, "broken", checked_is_broken(checked));
    json_put_int(w, "errors", (int64_t)totals.errors);
    json_put_int(w, "warnings", (int64_t)totals.warnings);
    write_ports(w, c);
    json_write_key(w, "diagnostics");
    json_write_array(w);
    for (size_t i = 0; (diag = checked_diag(checked, i)) != NULL; i++)
        write_diag(w, diag);
    json_write_end_array(w);
    json_write_end_object(w);
}

void check_print_json(const CheckReport *report)
{
    CheckTotals totals = check_report_totals(report);
    AUTO_STRBUF StrBuf buf = { 0 };
    JsonWriter w = { .out = &buf };

    json_write_object(&w);
    json_write_key(&w, "challenges");
    json_write_array(&w);
    for (size_t i = 0; i < report->found.n; i++)
        write_challenge(&w, &report->found.items[i]);
    json_write_end_array(&w);
    json_write_key(&w, "skipped");
    json_write_array(&w);
    for (size_t i = 0; i < report->skipped.n; i++)
        json_write_string(&w, report->skipped.items[i]);
    json_write_end_array(&w);
    json_put_int(&w, "broken", (int64_t)totals.broken);
    json_put_int(&w, "errors", (int64_t)totals.errors);
    json_put_int(&w, "warnings", (int64_t)totals.warnings);
    json_write_end_object(&w);
    (void)fprintf(report->out, "%s\n", strbuf_str(&buf));
}
