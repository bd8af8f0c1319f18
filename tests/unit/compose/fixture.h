/* fixture - a challenge folder to load compose texts against, and one-line questions about it. */
#pragma once

#include "test.h"

#include "base/alloc.h"
#include "base/strbuf.h"
#include "compose/loader.h"
#include "compose/plan_json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/whaley-compose-XXXXXX";
static int folder_fd = -1;

static void put_file(const char *name, const char *text)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int make_folder(void **state)
{
    (void)state;
    CHECK(mkdtemp(folder) != NULL);
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_INT(mkdirat(folder_fd, "src", 0700), 0);
    CHECK_INT(mkdirat(folder_fd, "bare", 0700), 0);
    put_file("Dockerfile", "FROM scratch\n");
    put_file("src/Dockerfile", "FROM scratch\n");
    put_file("src/flag.txt", "flag{x}\n");
    put_file("app.env", "A=1\nB='two words'\nexport C=${LOCAL}\nD=$FLAG\nLOCAL\n");
    put_file("raw.env", "A=\"$FLAG\"\n");
    put_file("bad.env", "A='open\n");
    put_file(".env", "LOCAL=here\nEMPTY=\nTRUE=true\nHOST=host\nSOCK=/var/run/docker.sock\n"
                     "FLAG=placeholder\nBIND=bind\n");
    CHECK_INT(symlinkat("/etc", folder_fd, "link"), 0);
    CHECK_INT(symlinkat("../Dockerfile", folder_fd, "bare/Dockerfile"), 0);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const files[] = { "bare/Dockerfile", "link",           ".env",
                                         "bad.env",         "raw.env",        "app.env",
                                         "src/flag.txt",    "src/Dockerfile", "Dockerfile" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        unlinkat(folder_fd, files[i], 0);
    unlinkat(folder_fd, "src", AT_REMOVEDIR);
    unlinkat(folder_fd, "bare", AT_REMOVEDIR);
    close(folder_fd);
    rmdir(folder);
    return 0;
}

/* 0, COMPOSE_REFUSED or < 0. */
static int load_text(const char *text, Plan **ret, DiagList *diags)
{
    ComposeOptions options = { .dir_fd = folder_fd, .file = "compose.yaml" };
    Error err = { 0 };
    int status = compose_load_text(&options, text, strlen(text), ret, diags, &err);

    if (status < 0)
        fail_msg("%s", err.detail);
    return status;
}

static UNUSED void print_diags(const DiagList *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        AUTO_FREE char *line = diag_format(&diags->items[i]);
        print_message("# %s\n", line);
    }
}

static UNUSED const Diag *find_diag(const DiagList *diags, DiagSeverity severity, const char *code)
{
    for (size_t i = 0; i < diags->n; i++)
        if (diags->items[i].severity == severity && strcmp(diags->items[i].code, code) == 0)
            return &diags->items[i];
    return NULL;
}

/* The text loads, and its canonical JSON holds `part`. */
static UNUSED void expect_json(const char *text, const char *part)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf json = { 0 };

    if (load_text(text, &plan, &diags) != 0) {
        print_diags(&diags);
        fail_msg("refused:\n%s", text);
    }
    plan_write_json(plan, &json);
    if (!strstr(strbuf_str(&json), part))
        fail_msg("%s\nis not in\n%s\nof\n%s", part, strbuf_str(&json), text);
}

/* The text is refused with that code at that field. */
static UNUSED void expect_refused(const char *text, const char *code, const char *field)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    const Diag *d;

    if (load_text(text, &plan, &diags) != COMPOSE_REFUSED)
        fail_msg("accepted:\n%s", text);
    d = find_diag(&diags, DIAG_ERROR, code);
    if (!d || (field && (!d->field || strcmp(d->field, field) != 0))) {
        print_diags(&diags);
        fail_msg("no %s at %s for\n%s", code, field ? field : "-", text);
    }
    CHECK_STR(d->file, "compose.yaml");
    CHECK(d->line > 0 && d->column > 0);
}

/* services.web with an image and `body`, which is indented here line by line. */
static UNUSED char *service_text(const char *body)
{
    AUTO_STRBUF StrBuf b = { 0 };

    strbuf_adds(&b, "services:\n  web:\n    image: alpine\n");
    for (const char *p = body; *p;) {
        size_t n = strcspn(p, "\n");
        strbuf_adds(&b, "    ");
        strbuf_add(&b, p, n);
        strbuf_addc(&b, '\n');
        p += n + (p[n] == '\n');
    }
    strbuf_adds(&b, "volumes: {data: , d: , v: }\nnetworks: {front: , back: {internal: true}}\n");
    return strbuf_take(&b);
}
