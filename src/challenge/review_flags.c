/* Where a player's own flag could go, by what the files hold. */
#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "challenge/review.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Search {
    const Challenge *challenge;
    const char *prefix;
    size_t n_files;
    char *path; /* of the file that holds the placeholder, relative to the folder */
    FlagAt at;
} Search;

/* --- does it travel? ------------------------------------------------------------------------ */

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return str_eq(folder, ".") || str_eq(path, folder) ||
           (str_starts(path, folder) && path[n] == '/');
}

/* Is the file part of a build context, or copied into a container when it starts? */
static bool travels(const Plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->n_services; i++) {
        const PlanService *s = &plan->services[i];
        if (s->build.present && is_below(path, s->build.context))
            return true;
        for (size_t k = 0; k < s->n_mounts; k++)
            if (s->mounts[k].kind == PLAN_MOUNT_COPY && is_below(path, s->mounts[k].source))
                return true;
        for (size_t k = 0; k < s->n_files; k++)
            if (s->files[k].source && is_below(path, s->files[k].source))
                return true;
    }
    return false;
}

/* What describes the challenge is no part of it, though it may lie in a build context. */
static bool is_about(const Challenge *c, const char *path)
{
    return str_eq(path, c->config_file) || str_eq(path, c->compose_file) ||
           str_starts(path, "README") || str_starts(path, "solve");
}

/* --- walking -------------------------------------------------------------------------------- */

static bool search_file(Search *s, int dir_fd, const char *name, const char *path)
{
    AUTO_CLOSE int fd = -1;
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    Error err = { 0 };

    if (++s->n_files > REVIEW_FILES_MAX || is_about(s->challenge, path) ||
        !travels(s->challenge->plan, path))
        return false;
    fd = fs_open_beneath(dir_fd, name, &err);
    if (fd < 0 || fs_read_all(fd, REVIEW_FILE_MAX, &text, &len, &err) < 0)
        return false;
    if (memchr(text, '\0', len) || !flag_find(text, len, s->prefix, &s->at))
        return false; /* a program has its flag where no text can be put */
    s->path = xstrdup(path);
    return true;
}

static bool search_folder(Search *s, int dir_fd, const char *path, int depth);

static bool search_entry(Search *s, int dir_fd, const char *name, const char *path, int depth)
{
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (S_ISDIR(st.st_mode)) {
        AUTO_CLOSE int fd = fs_open_dir_beneath(dir_fd, name, NULL);
        return fd >= 0 && search_folder(s, fd, path, depth + 1);
    }
    return S_ISREG(st.st_mode) && st.st_size <= REVIEW_FILE_MAX &&
           search_file(s, dir_fd, name, path);
}

/* In the order of names, so that the same folder always gives the same answer. */
static bool search_folder(Search *s, int dir_fd, const char *path, int depth)
{
    struct dirent **entries = NULL;
    int n = depth < REVIEW_DEPTH_MAX && s->n_files < REVIEW_FILES_MAX
                ? scandirat(dir_fd, ".", &entries, NULL, alphasort)
                : 0;
    bool found = false;

    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        AUTO_FREE char *below = *path ? xasprintf("%s/%s", path, name) : xstrdup(name);
        if (!found && !str_eq(name, ".") && !str_eq(name, "..") && !str_eq(name, ".git"))
            found = search_entry(s, dir_fd, name, below, depth);
        free(entries[i]);
    }
    free(entries);
    return found;
}

/* --- saying it ------------------------------------------------------------------------------ */

static void say_env(Challenge *c, const PlanService *s)
{
    AUTO_FREE char *field = xasprintf("services.%s", s->name);
    DiagAt at = { .file = c->compose_file, .line = s->line, .column = 1, .field = field };

    diag_add(&c->diags, DIAG_NOTE, at, "flag-env", NULL,
             "flag delivery 'env': the service takes a flag from the instance's variables");
}

static void say_placeholder(Challenge *c, const Search *s)
{
    DiagAt at = { .file = s->path, .line = s->at.line, .column = s->at.column };

    diag_add(&c->diags, DIAG_NOTE, at, "flag-placeholder", NULL,
             "flag delivery '%s': a flag can take the place of this %s{...}, which is copied "
             "into a container",
             flag_delivery_name(c->flag_used), s->prefix);
}

static void say_none(Challenge *c, const char *prefix)
{
    AUTO_FREE char *hint =
        xasprintf("pass ${FLAG} to a service, or write %s{...} into a file that is copied; "
                  "disable_dynamic_flags = true says that there is to be none",
                  prefix);

    diag_add(&c->diags, DIAG_NOTE, (DiagAt){ .file = c->compose_file }, "flag-none", hint,
             "flag delivery 'none': nothing here takes a flag of the player's own");
}

static void say_mismatch(Challenge *c, const char *what)
{
    diag_add(&c->diags, DIAG_WARNING, (DiagAt){ .file = c->config_file, .field = "flag_delivery" },
             "flag-delivery", "leave it out, and what the files allow is used",
             "'%s' was asked for, but %s", flag_delivery_name(c->flag_delivery), what);
}

static bool is_placeholder_delivery(FlagDelivery delivery)
{
    return delivery == FLAG_COPY || delivery == FLAG_COMMIT || delivery == FLAG_BUILD;
}

void review_flags(Challenge *c, int dir_fd, const char *prefix)
{
    Search search = { .challenge = c, .prefix = prefix };
    const PlanService *by_env = flag_service_of(c->plan);
    bool found;

    c->flag_used = FLAG_NONE;
    if (c->disable_dynamic_flags)
        return;
    found = search_folder(&search, dir_fd, "", 0);
    if (c->flag_delivery == FLAG_AUTO)
        c->flag_used = by_env ? FLAG_ENV : found ? FLAG_COPY : FLAG_NONE;
    else
        c->flag_used = c->flag_delivery;
    if (c->flag_used == FLAG_NONE)
        say_none(c, prefix);
    else if (c->flag_used == FLAG_ENV && by_env)
        say_env(c, by_env);
    else if (is_placeholder_delivery(c->flag_used) && found)
        say_placeholder(c, &search);
    else if (c->flag_used == FLAG_ENV)
        say_mismatch(c, "the compose file refers to neither ${FLAG} nor ${DYNAMIC_FLAG}");
    else
        say_mismatch(c, "no text file that is copied into a container holds a placeholder");
    free(search.path);
}
