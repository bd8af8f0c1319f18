#include "cli/check.h"
#include "app/rules.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/vec.h"
#include "challenge/catalogue.h"
#include "challenge/challenge.h"
#include "wire/json_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_CLEAN = 0, EXIT_ERRORS = 1, EXIT_USAGE = 2 };

/* A challenge and the DIR it was found in, as the user wrote it. */
typedef struct Checked {
    Challenge *challenge;
    char *shown; /* path to print before file names */
} Checked;

typedef struct Run {
    FILE *out, *trouble;
    bool json;
    ChallengeRules rules;
    VEC(Checked) found;
    VEC(char *) skipped; /* symbolic links */
} Run;

static const char usage[] =
    "Usage: whaley check [--format text|json] DIR...\n"
    "\n"
    "Checks challenge folders: instance.toml (or challenge.yaml), the compose file, and that the\n"
    "ports fit together. A DIR is one challenge folder or a folder of them. Nothing is run.\n"
    "Settings that limit challenges (environment, .env) count as they do for the server.\n"
    "\n"
    "  --format FORMAT  text (default), or json: one document\n"
    "  --help           this text\n"
    "\n"
    "Exit status: 0 without errors (warnings do not count), 1 with errors, 2 for wrong usage.\n";

static void run_fini(Run *run)
{
    for (size_t i = 0; i < run->found.n; i++) {
        challenge_unref(run->found.items[i].challenge);
        free(run->found.items[i].shown);
    }
    for (size_t i = 0; i < run->skipped.n; i++)
        free(run->skipped.items[i]);
    vec_fini(&run->found);
    vec_fini(&run->skipped);
}

/* --- finding -------------------------------------------------------------------------------- */

/* `dir` without the slashes at its end. */
static char *trimmed(const char *dir)
{
    size_t n = strlen(dir);

    while (n > 1 && dir[n - 1] == '/')
        n--;
    return xstrndup(dir, n);
}

static int check_one(Run *run, const char *shown, const char *path, Error *err)
{
    Challenge *challenge = NULL;
    const char *slash = strrchr(path, '/');

    if (challenge_load(path, slash && slash[1] ? slash + 1 : "challenge", &run->rules, &challenge,
                       err) < 0)
        return -1;
    vec_push(&run->found, (Checked){ challenge, xstrdup(shown) });
    return 0;
}

static void note_links(Run *run, const char *shown, const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir)) != NULL) {
        struct stat link, target;
        if (fstatat(dirfd(dir), entry->d_name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(link.st_mode) && fstatat(dirfd(dir), entry->d_name, &target, 0) == 0 &&
            S_ISDIR(target.st_mode))
            vec_push(&run->skipped, xasprintf("%s/%s", shown, entry->d_name));
    }
    (void)closedir(dir);
}

/* Through the catalogue, so that what the server sees is what is checked. */
static int check_many(Run *run, const char *shown, const char *path, Error *err)
{
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(path, &run->rules);
    AUTO_SNAPSHOT CatalogueSnapshot *now = NULL;

    if (catalogue_reload(catalogue, err) < 0)
        return -1;
    now = catalogue_snapshot(catalogue);
    for (size_t i = 0; i < now->n; i++) {
        Challenge *challenge = now->items[i];
        vec_push(&run->found, (Checked){ challenge_ref(challenge),
                                         xasprintf("%s/%s", shown, challenge->folder) });
    }
    note_links(run, shown, path);
    return 0;
}

static int check_dir(Run *run, const char *dir)
{
    AUTO_FREE char *shown = trimmed(dir);
    AUTO_FREE char *path = realpath(dir, NULL);
    size_t n_before = run->found.n + run->skipped.n;
    Error err = { 0 };
    int rc;

    if (!path) {
        (void)fprintf(run->trouble, "whaley check: %s: %s\n", dir, strerror(errno));
        return EXIT_USAGE;
    }
    rc = challenge_is_folder(path) ? check_one(run, shown, path, &err)
                                   : check_many(run, shown, path, &err);
    if (rc < 0) {
        (void)fprintf(run->trouble, "whaley check: %s\n", err.detail);
        return EXIT_ERRORS;
    }
    if (run->found.n + run->skipped.n == n_before) {
        (void)fprintf(run->trouble, "whaley check: %s: holds no challenge\n", dir);
        return EXIT_ERRORS;
    }
    return EXIT_CLEAN;
}

/* --- saying it as text ---------------------------------------------------------------------- */

/* A file may hold anything; a terminal must not be told to do things by it. */
static char *harmless(const char *text)
{
    char *copy = xstrdup_or_null(text);

    for (char *p = copy; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return copy;
}

static void print_diag(FILE *out, const char *shown, const Diag *diag)
{
    AUTO_FREE char *file = harmless(diag->file);
    AUTO_FREE char *field = harmless(diag->field);
    AUTO_FREE char *message = harmless(diag->message);
    AUTO_FREE char *hint = harmless(diag->hint);
    AUTO_FREE char *folder = harmless(shown);
    AUTO_FREE char *line = NULL;
    Diag safe = *diag;

    safe.file = file;
    safe.field = field;
    safe.message = message;
    safe.hint = hint;
    line = diag_format(&safe);
    (void)fprintf(out, "%s/%s\n", folder, line);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void print_challenge(FILE *out, const Checked *checked)
{
    const Challenge *c = checked->challenge;
    const DiagList *diags = &c->diags;
    AUTO_FREE char *folder = harmless(checked->shown);

    for (size_t i = 0; i < diags->n; i++)
        print_diag(out, checked->shown, &diags->items[i]);
    if (diags->n_dropped > 0)
        (void)fprintf(out, "%s: %zu more not shown\n", folder, diags->n_dropped);
    if (diags->n_errors + diags->n_warnings > 0)
        (void)fprintf(out, "%s: %s: %zu error%s, %zu warning%s\n", folder,
                      c->broken ? "broken" : "ok", diags->n_errors, plural(diags->n_errors),
                      diags->n_warnings, plural(diags->n_warnings));
    else
        (void)fprintf(out, "%s: ok: id %s, %zu port%s, revision %s\n", folder, c->id, c->n_ports,
                      plural(c->n_ports), c->revision);
}

static void print_text(const Run *run, size_t n_broken, size_t n_errors, size_t n_warnings)
{
    for (size_t i = 0; i < run->skipped.n; i++) {
        AUTO_FREE char *path = harmless(run->skipped.items[i]);
        (void)fprintf(run->out, "%s: note: skipped: symbolic links are not followed\n", path);
    }
    for (size_t i = 0; i < run->found.n; i++)
        print_challenge(run->out, &run->found.items[i]);
    (void)fprintf(run->out, "%zu challenge%s: %zu ok, %zu broken; %zu error%s, %zu warning%s\n",
                  run->found.n, plural(run->found.n), run->found.n - n_broken, n_broken, n_errors,
                  plural(n_errors), n_warnings, plural(n_warnings));
}

/* --- saying it as JSON ---------------------------------------------------------------------- */

static void write_diag(JsonWriter *w, const Diag *diag)
{
    static const char *const severities[] = { "error", "warning", "note" };

    json_write_object(w);
    json_put_string(w, "severity", severities[diag->severity]);
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

    json_write_object(w);
    json_put_string(w, "id", c->id);
    json_put_string(w, "name", c->name);
    json_put_string(w, "category", c->category);
    json_put_string(w, "folder", checked->shown);
    json_put_string(w, "config_file", c->config_file);
    json_put_string(w, "compose_file", c->compose_file);
    json_put_string(w, "revision", c->revision);
    json_put_bool(w, "broken", c->broken);
    json_put_int(w, "errors", (int64_t)c->diags.n_errors);
    json_put_int(w, "warnings", (int64_t)c->diags.n_warnings);
    write_ports(w, c);
    json_write_key(w, "diagnostics");
    json_write_array(w);
    for (size_t i = 0; i < c->diags.n; i++)
        write_diag(w, &c->diags.items[i]);
    json_write_end_array(w);
    json_write_end_object(w);
}

static void print_json(const Run *run, size_t n_broken, size_t n_errors, size_t n_warnings)
{
    AUTO_STRBUF StrBuf buf = { 0 };
    JsonWriter w = { .out = &buf };

    json_write_object(&w);
    json_write_key(&w, "challenges");
    json_write_array(&w);
    for (size_t i = 0; i < run->found.n; i++)
        write_challenge(&w, &run->found.items[i]);
    json_write_end_array(&w);
    json_write_key(&w, "skipped");
    json_write_array(&w);
    for (size_t i = 0; i < run->skipped.n; i++)
        json_write_string(&w, run->skipped.items[i]);
    json_write_end_array(&w);
    json_put_int(&w, "broken", (int64_t)n_broken);
    json_put_int(&w, "errors", (int64_t)n_errors);
    json_put_int(&w, "warnings", (int64_t)n_warnings);
    json_write_end_object(&w);
    (void)fprintf(run->out, "%s\n", strbuf_str(&buf));
}

/* --- the command ---------------------------------------------------------------------------- */

static int report(const Run *run)
{
    size_t n_broken = 0, n_errors = 0, n_warnings = 0;

    for (size_t i = 0; i < run->found.n; i++) {
        const Challenge *c = run->found.items[i].challenge;
        n_broken += c->broken ? 1 : 0;
        n_errors += c->diags.n_errors;
        n_warnings += c->diags.n_warnings;
    }
    if (run->json)
        print_json(run, n_broken, n_errors, n_warnings);
    else
        print_text(run, n_broken, n_errors, n_warnings);
    return n_broken > 0 ? EXIT_ERRORS : EXIT_CLEAN;
}

static int complain(FILE *trouble, const char *what, const char *about)
{
    (void)fprintf(trouble, "whaley check: %s%s\nTry whaley check --help\n", what, about);
    return EXIT_USAGE;
}

/* Reads the options; *ret_first is the first DIR. Returns < 0, or the exit status. */
static int read_options(Run *run, int argc, char **argv, int *ret_first)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        const char *format = NULL;
        if (str_eq(argv[i], "--")) {
            i++;
            break;
        }
        if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h")) {
            (void)fputs(usage, run->out);
            return EXIT_CLEAN;
        }
        if (str_starts(argv[i], "--format="))
            format = argv[i] + strlen("--format=");
        else if (str_eq(argv[i], "--format") && i + 1 < argc)
            format = argv[++i];
        else
            return complain(run->trouble, "unknown option or missing value: ", argv[i]);
        if (!str_eq(format, "text") && !str_eq(format, "json"))
            return complain(run->trouble, "--format must be text or json, not ", format);
        run->json = str_eq(format, "json");
    }
    if (i >= argc)
        return complain(run->trouble, "name at least one folder", "");
    *ret_first = i;
    return -1;
}

int cli_check_to(FILE *out, FILE *trouble, int argc, char **argv)
{
    CLEANUP(run_fini) Run run = { .out = out, .trouble = trouble, .rules = rules_of_environment() };
    int first = 0, status = read_options(&run, argc, argv, &first);
    int worst = EXIT_CLEAN;

    if (status >= 0)
        return status;
    for (int i = first; i < argc; i++) {
        status = check_dir(&run, argv[i]);
        worst = status > worst ? status : worst;
    }
    status = report(&run);
    return status > worst ? status : worst;
}

int cli_check(int argc, char **argv)
{
    log_set_level(LOG_ERROR); /* what the catalogue would log is printed here */
    return cli_check_to(stdout, stderr, argc, argv);
}
