#include "base/str.h"
#include "compose/keys.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* [host[:port]/]path[:tag][@digest]: a path in lower case, one tag; the rest is the engine's. */
static bool is_reference(const char *s)
{
    const char *slash = strchr(s, '/'), *last = strrchr(s, '/');
    const char *p = slash ? slash + 1 : s;

    for (; *p && *p != '@' && !(*p == ':' && (!last || p > last)); p++)
        if (isupper((unsigned char)*p) || *p == ':')
            return false;
    p += *p == ':';
    p += strcspn(p, ":@");
    return *p != ':';
}

static bool is_image(const char *s)
{
    /* it becomes part of a path: neither "//" nor "/../" */
    return isalnum((unsigned char)s[0]) && text_is_made_of(s, "._-/:@", 512) && !str_ends(s, ":") &&
           !strstr(s, "//") && !strstr(s, "/.") && !str_ends(s, "/") && is_reference(s);
}

static bool is_user(const char *s)
{
    const char *colon = strchr(s, ':');

    return s[0] != '-' && s[0] != ':' && text_is_made_of(s, "_.-:$", 128) &&
           !(colon && strchr(colon + 1, ':'));
}

static bool is_absolute(const char *s)
{
    return s[0] == '/' && strlen(s) <= 1024;
}

/* What the engine takes: a number, or a name with or without SIG, in any case. */
static bool is_signal(const char *s)
{
    static const char *const names[] = {
        "ABRT", "ALRM",   "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",  "ILL",
        "INT",  "IO",     "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",  "QUIT",
        "SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN", "TTOU",
        "URG",  "USR1",   "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
    };
    int64_t n;

    if (str_parse_i64(s, 1, 64, &n))
        return true;
    if (strncasecmp(s, "SIG", 3) == 0)
        s += 3;
    if (strncasecmp(s, "RTMIN+", 6) == 0)
        return str_parse_i64(s + 6, 1, 15, &n);
    if (strncasecmp(s, "RTMAX-", 6) == 0)
        return str_parse_i64(s + 6, 1, 14, &n);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(s, names[i]))
            return true;
    return str_eq_nocase(s, "RTMIN") || str_eq_nocase(s, "RTMAX");
}

static bool is_platform(const char *s)
{
    return strchr(s, '/') && text_is_made_of(s, "._-/", 64);
}

static void load_names(Loader *l, const Field *f, PlanService *s)
{
    field_get_checked(l, f, "image", is_image, "an image reference", &s->image);
    field_get_checked(l, f, "hostname", text_is_name, "a host name", &s->hostname);
    field_get_checked(l, f, "domainname", text_is_name, "a domain name", &s->domainname);
    field_get_checked(l, f, "user", is_user, "a user", &s->user);
    field_get_checked(l, f, "working_dir", is_absolute, "an absolute path", &s->working_dir);
    field_get_checked(l, f, "stop_signal", is_signal, "a signal", &s->stop_signal);
    field_get_checked(l, f, "platform", is_platform, "a platform like linux/amd64", &s->platform);
}

static bool has_container_name(const Plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->n_services; i++)
        if (plan->services[i].alias_of_container_name &&
            strcmp(plan->services[i].alias_of_container_name, name) == 0)
            return true;
    return false;
}

/* Containers are named by us; authors use the name they gave as a host name. */
static void load_container_name(Loader *l, const Field *service, PlanService *s)
{
    Field f;
    const char *text = field_get(service, "container_name", &f) ? field_template(l, &f) : NULL;

    if (!text)
        return;
    if (plan_is_template(text)) {
        field_warn(l, &f, "container-name", "use the service's name",
                   "containers are named after the instance; '%.100s' is not kept as a host name",
                   text);
    } else if (!text_is_name(text)) {
        field_error(l, &f, "bad-name", NULL, "'%.100s' is not a container's name", text);
    } else if (has_container_name(l->plan, text)) {
        field_error(l, &f, "duplicate", "drop one of them", "another service is named '%.100s'",
                    text);
    } else {
        s->alias_of_container_name = arena_strdup(l->arena, text);
        field_warn(l, &f, "container-name", NULL,
                   "containers are named after the instance; '%.100s' works as a host name only",
                   text);
    }
}

static void load_restart(Loader *l, const Field *service, PlanService *s)
{
    Field f;
    const char *text = field_get(service, "restart", &f) ? field_text(l, &f) : NULL;
    int64_t retries = 0;

    if (!text || !*text || strcmp(text, "no") == 0 || strcmp(text, "false") == 0)
        return;
    if (str_starts(text, "on-failure:")) {
        if (!str_parse_i64(text + 11, 0, 1000000, &retries)) {
            field_error(l, &f, "bad-value", "write on-failure:3", "'%.100s' is not a number",
                        text + 11);
            return;
        }
    } else if (strcmp(text, "always") != 0 && strcmp(text, "unless-stopped") != 0 &&
               strcmp(text, "on-failure") != 0) {
        field_error(l, &f, "bad-value", "use no, always, unless-stopped or on-failure[:n]",
                    "'%.100s' is not a restart policy", text);
        return;
    }
    s->restart = PLAN_RESTART_ON_FAILURE;
    s->restart_retries =
        retries > 0 && retries < COMPOSE_RESTARTS_MAX ? retries : COMPOSE_RESTARTS_MAX;
}

static void keep_labels(Loader *l, Pairs *pairs, PlanPair **ret, size_t *ret_n)
{
    static const char *const reserved[] = { "com.docker.", "whaley.", "traefik." };

    for (size_t i = 0; i < pairs->n; i++) {
        PlanPair *pair = &pairs->items[i];
        if (!pair->value)
            pair->value = "";
        for (size_t k = 0; k < ARRAY_LEN(reserved); k++)
            if (strncasecmp(pair->key, reserved[k], strlen(reserved[k])) == 0)
                field_error(l, &pairs->fields[i], "label-reserved", "choose another name",
                            "labels that start with '%s' are not for challenges", reserved[k]);
    }
    *ret = pairs->items;
    *ret_n = pairs->n;
}

void load_labels(Loader *l, const Field *f, PlanPair **ret, size_t *ret_n)
{
    Pairs pairs = { 0 };

    field_pairs(l, f, "=", true, &pairs);
    keep_labels(l, &pairs, ret, ret_n);
}

static void load_service_labels(Loader *l, const Field *service, PlanService *s)
{
    Pairs pairs = { 0 };
    Field *files = arena_new_type(l->scratch, Field), *own = arena_new_type(l->scratch, Field);

    if (field_get(service, "label_file", files))
        pairs_read_files(l, files, &pairs);
    if (field_get(service, "labels", own))
        field_pairs(l, own, "=", true, &pairs);
    keep_labels(l, &pairs, &s->labels, &s->n_labels);
}

static void load_flags(Loader *l, const Field *f, PlanService *s)
{
    field_get_bool(l, f, "read_only", &s->read_only);
    field_get_bool(l, f, "tty", &s->tty);
    field_get_bool(l, f, "stdin_open", &s->stdin_open);
    field_get_bool(l, f, "init", &s->init);
}

void load_service(Loader *l, const Field *f, PlanService *s)
{
    Field image;

    if (!keys_check(l, f, KEY_SERVICE))
        return;
    load_flags(l, f, s);
    load_names(l, f, s);
    load_container_name(l, f, s);
    load_restart(l, f, s);
    load_build(l, f, s);
    load_command(l, f, s);
    load_environment(l, f, s);
    load_ports(l, f, s);
    load_attachments(l, f, s);
    load_mounts(l, f, s);
    load_files(l, f, s);
    load_healthcheck(l, f, s);
    load_limits(l, f, s);
    load_security(l, f, s);
    load_service_labels(l, f, s);
    if (!field_get(f, "image", &image) && !s->build.present)
        field_key_diag(l, DIAG_ERROR, f, "no-image", "add one of them",
                       "the service has neither 'image' nor 'build'");
}
