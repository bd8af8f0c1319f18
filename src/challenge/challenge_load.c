/* A folder into a Challenge: its files found, read, hashed and held against each other. */
#include "base/alloc.h"
#include "base/fs.h"
#include "challenge/build.h"
#include "challenge/challenge.h"
#include "challenge/config.h"
#include "challenge/ports.h"
#include "challenge/review.h"
#include "challenge/revision.h"
#include "compose/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const config_names[] = { "instance.toml", "challenge.yaml", "challenge.yml" };
static const char *const compose_names[] = { "docker-compose.yaml", "docker-compose.yml",
                                             "compose.yaml", "compose.yml" };

/* Is there an entry of this name, of whatever kind? */
static bool exists(int dir_fd, const char *name)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool challenge_is_folder(const char *path)
{
    AUTO_CLOSE int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool found = false;

    for (size_t i = 0; dir_fd >= 0 && i < ARRAY_LEN(config_names); i++)
        found = found || exists(dir_fd, config_names[i]);
    for (size_t i = 0; dir_fd >= 0 && i < ARRAY_LEN(compose_names); i++)
        found = found || exists(dir_fd, compose_names[i]);
    return found;
}

/* The first of `names` that is there, or NULL; a warning about those it hides. */
static const char *find_file(Challenge *challenge, int dir_fd, const char *const *names, size_t n)
{
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!exists(dir_fd, names[i]))
            continue;
        if (found)
            diag_add(&challenge->diags, DIAG_WARNING, (DiagAt){ .file = names[i] }, "ignored-file",
                     "remove one of them", "ignored, because %s is there too", found);
        else
            found = names[i];
    }
    return found;
}

static void missing_file(Challenge *challenge, const char *name, const char *hint)
{
    diag_add(&challenge->diags, DIAG_ERROR, (DiagAt){ .file = name }, "missing-file", hint,
             "the file is missing");
}

static void read_config(Challenge *challenge, int dir_fd, Arena *arena, ConfigPorts *ret_ports)
{
    const char *name = find_file(challenge, dir_fd, config_names, ARRAY_LEN(config_names));
    AUTO_FREE char *text = NULL;
    AUTO_CLOSE int fd = -1;
    size_t len = 0;
    Error err = { 0 };

    if (!name) {
        missing_file(challenge, config_names[0],
                     "a challenge folder needs an instance.toml; an empty one will do");
        return;
    }
    challenge->config_file = xstrdup(name);
    fd = fs_open_beneath(dir_fd, name, &err);
    if (fd < 0 || fs_read_all(fd, TOML_TEXT_MAX, &text, &len, &err) < 0) {
        diag_add(&challenge->diags, DIAG_ERROR, (DiagAt){ .file = name }, "unreadable", NULL, "%s",
                 err.detail);
        return;
    }
    config_load(challenge, arena, text, len, ret_ports);
}

static ComposeAllow challenge_allow(const Challenge *c)
{
    return (ComposeAllow){
        .capabilities = (const char *const *)c->allow_capabilities,
        .n_capabilities = c->n_allow_capabilities,
        .devices = (const char *const *)c->allow_devices,
        .n_devices = c->n_allow_devices,
    };
}

/* Every replica is a container. */
static void check_size(Challenge *c, const ChallengeRules *rules)
{
    size_t n = c->plan->n_services;

    if (rules->containers_max > 0 && n > rules->containers_max)
        diag_add(&c->diags, DIAG_ERROR, (DiagAt){ .file = c->compose_file, .field = "services" },
                 "too-many", "run fewer services or replicas, or raise INSTANCE_MAX_CONTAINERS",
                 "%zu containers; an instance may have %zu", n, rules->containers_max);
}

/* A network is cut from the pool: it has so many addresses and no more. */
static void check_networks(Challenge *c, const ChallengeRules *rules)
{
    const Plan *plan = c->plan;

    for (size_t n = 0; n < plan->n_networks && rules->addresses_max > 0; n++) {
        size_t attached = 0;
        for (size_t i = 0; i < plan->n_services; i++)
            for (size_t k = 0; k < plan->services[i].n_attachments; k++)
                attached += plan->services[i].attachments[k].network == n;
        if (attached > rules->addresses_max)
            diag_add(&c->diags, DIAG_ERROR,
                     (DiagAt){ .file = c->compose_file, .field = plan->networks[n].key },
                     "network-full",
                     "spread the services over several networks, or lower NETWORK_SUBNET_PREFIX",
                     "%zu containers on one network, which has %zu addresses", attached,
                     rules->addresses_max);
    }
}

static void read_compose(Challenge *challenge, int dir_fd, const ChallengeRules *rules)
{
    const char *name = find_file(challenge, dir_fd, compose_names, ARRAY_LEN(compose_names));
    const ComposeOptions options = { .dir_fd = dir_fd,
                                     .file = name,
                                     .profiles = (const char *const *)challenge->profiles,
                                     .n_profiles = challenge->n_profiles,
                                     .allow = challenge_allow(challenge),
                                     .remote_add = rules->remote_add };
    Error err = { 0 };

    if (!name) {
        missing_file(challenge, compose_names[0],
                     "a challenge folder needs a compose file that says what to run");
        return;
    }
    challenge->compose_file = xstrdup(name);
    if (compose_load(&options, &challenge->plan, &challenge->diags, &err) < 0)
        diag_add(&challenge->diags, DIAG_ERROR, (DiagAt){ .file = name }, "unreadable", NULL, "%s",
                 err.detail);
}

int challenge_load(const char *path, const char *folder, const ChallengeRules *rules,
                   Challenge **ret, Error *err)
{
    AUTO_CLOSE int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    AUTO_CHALLENGE Challenge *challenge = NULL;
    AUTO_ARENA Arena *arena = NULL;
    ConfigPorts ports = { 0 };
    char revision[REVISION_SIZE];

    if (dir_fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return error_set(err, E_NOT_FOUND, "%s: no such folder", path);
    if (dir_fd < 0)
        return error_sys(err, "opening %s", path);
    arena = arena_new();
    challenge = challenge_new(path, folder);
    /* Hashed before it is read: a change in between gives a new revision at the next reload. */
    revision_of_folder(dir_fd, &challenge->diags, revision);
    free(challenge->revision);
    challenge->revision = xstrdup(revision);
    read_config(challenge, dir_fd, arena, &ports);
    read_compose(challenge, dir_fd, rules);
    if (challenge->plan) {
        check_size(challenge, rules);
        check_networks(challenge, rules);
        ports_resolve(challenge, &ports);
    }
    challenge->broken = challenge->diags.n_errors > 0;
    if (challenge->broken) {
        plan_free(challenge->plan);
        challenge->plan = NULL;
    }
    if (challenge->plan)
        review_challenge(challenge, dir_fd, rules);
    *ret = TAKE(challenge);
    return 0;
}
