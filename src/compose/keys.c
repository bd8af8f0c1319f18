#include "compose/keys.h"
#include "base/str.h"

#include <string.h>

typedef struct KeyRow {
    KeyPlace place;
    const char *name;
    KeyPolicy policy;
    const char *sentence;
} KeyRow;

static const KeyRow rows[] = {
#define KEY(place, name, policy, sentence) { KEY_##place, #name, KEY_##policy, sentence },
#include "compose/keys.def"
#undef KEY
};

static const struct {
    const char *title, *path;
} places[KEY_PLACE_COUNT] = {
    [KEY_TOP] = { "The file", "" },
    [KEY_SERVICE] = { "Services", "services.*" },
    [KEY_INCLUDE] = { "Includes, long form", "include[]" },
    [KEY_EXTENDS] = { "Extended services", "services.*.extends" },
    [KEY_BUILD] = { "Builds", "services.*.build" },
    [KEY_PORT] = { "Ports, long form", "services.*.ports[]" },
    [KEY_MOUNT] = { "Volumes of a service, long form", "services.*.volumes[]" },
    [KEY_MOUNT_BIND] = { "Binds", "services.*.volumes[].bind" },
    [KEY_MOUNT_VOLUME] = { "Volume mounts", "services.*.volumes[].volume" },
    [KEY_MOUNT_TMPFS] = { "Memory file systems", "services.*.volumes[].tmpfs" },
    [KEY_ATTACHMENT] = { "Networks of a service", "services.*.networks.*" },
    [KEY_DEVICE] = { "Devices, long form", "services.*.devices[]" },
    [KEY_DEPENDENCY] = { "Dependencies", "services.*.depends_on.*" },
    [KEY_ENV_FILE] = { "Environment files", "services.*.env_file[]" },
    [KEY_HEALTHCHECK] = { "Health checks", "services.*.healthcheck" },
    [KEY_ULIMIT] = { "Ulimits", "services.*.ulimits.*" },
    [KEY_DEPLOY] = { "Deployment", "services.*.deploy" },
    [KEY_RESOURCES] = { "Resources", "services.*.deploy.resources" },
    [KEY_LIMITS] = { "Limits", "services.*.deploy.resources.limits" },
    [KEY_RESERVATIONS] = { "Reservations", "services.*.deploy.resources.reservations" },
    [KEY_NETWORK] = { "Networks", "networks.*" },
    [KEY_VOLUME] = { "Volumes", "volumes.*" },
    [KEY_SECRET] = { "Secrets", "secrets.*" },
    [KEY_CONFIG] = { "Configs", "configs.*" },
    [KEY_GRANT] = { "Secrets and configs of a service, long form",
                    "services.*.secrets[], services.*.configs[]" },
};

static const char *const policy_names[] = {
    [KEY_SUPPORTED] = "supported", [KEY_CAPPED] = "capped",
    [KEY_IGNORED] = "ignored",     [KEY_DROPPED] = "ignored, with a warning",
    [KEY_REFUSED] = "refused",
};

static const KeyRow *find_row(KeyPlace place, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].place == place && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static void report_unknown(Loader *l, const Field *f, KeyPlace place)
{
    const char *names[ARRAY_LEN(rows)];
    const char *nearest;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].place == place)
            names[n++] = rows[i].name;
    nearest = str_nearest(f->key, names, n);
    field_key_diag(l, DIAG_ERROR, f, "unknown-key",
                   nearest ? arena_printf(l->scratch, "did you mean '%s'?", nearest) : NULL,
                   "the key '%.100s' is not known here", f->key);
}

/* A refused key that asks for nothing is never acted upon, so it need not be an error. */
static bool asks_for_nothing(const YamlNode *node)
{
    bool value = true;

    if (node->kind != YAML_SCALAR)
        return node->n == 0;
    return yaml_is_null(node) || (str_parse_bool(node->text, &value) && !value) ||
           strcmp(node->text, "private") == 0;
}

static void check_key(Loader *l, const Field *f, KeyPlace place)
{
    const KeyRow *row;

    if (str_starts(f->key, "x-"))
        return;
    row = find_row(place, f->key);
    if (!row) {
        report_unknown(l, f, place);
        return;
    }
    if (row->policy == KEY_REFUSED && !asks_for_nothing(f->node))
        field_key_diag(l, DIAG_ERROR, f, "key-refused", NULL, "not supported: %s", row->sentence);
    else if (row->policy == KEY_IGNORED && !field_is_null(f))
        field_key_diag(l, DIAG_NOTE, f, "key-ignored", NULL, "ignored: %s", row->sentence);
    else if (row->policy == KEY_DROPPED && !field_is_null(f))
        field_key_diag(l, DIAG_WARNING, f, "key-ignored", NULL, "ignored: %s", row->sentence);
}

bool keys_check(Loader *l, const Field *map, KeyPlace place)
{
    if (!field_want(l, map, YAML_MAP))
        return false;
    for (size_t i = 0; i < map->node->n; i++) {
        Field f = field_pair(map, i);
        check_key(l, &f, place);
    }
    return true;
}

static const char preface[] =
    "# Compose files\n"
    "\n"
    "<!-- Printed from src/compose/keys.def by `whaley compose keys`; do not edit. -->\n"
    "\n"
    "Whaley reads a challenge's compose file itself, by the compose specification. What a key "
    "means\n"
    "here stands in the tables below; a key that is in none of them is an error, `x-*` keys are\n"
    "skipped. Refused keys pass when they ask for nothing (`privileged: false`).\n"
    "\n"
    "**Variables.** Values may use `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`,\n"
    "`${NAME:+word}`, `${NAME+word}`, `${NAME:?message}`, `${NAME?message}`; `$$` is a dollar "
    "sign. Names\n"
    "come from `.env` in the challenge folder and from the instance: `INSTANCE_ID`, "
    "`COMPOSE_PROJECT_NAME`,\n"
    "`DOCKER_NETWORK`, `FLAG`, `DYNAMIC_FLAG`, `PORT_<n>`; never from the server's environment. "
    "Those of\n"
    "the instance win over `.env`, and work in `environment`, `env_file`, `command`, "
    "`entrypoint`,\n"
    "`labels`, `healthcheck.test`, the `content` of secrets and configs, and on the host side of "
    "`ports`.\n"
    "\n"
    "**Paths** are relative to the challenge folder (in a file that is extended or included: to "
    "that\n"
    "file's folder), must lie in the challenge folder, and may cross no symbolic link.\n"
    "\n"
    "**Several files.** `extends` and `include` take files inside the challenge folder and merge "
    "by "
    "the\n"
    "rules of the specification; `!reset` and `!override` work where something is overridden. What "
    "is\n"
    "checked is the merged result. `compose.override.yaml` is not merged by itself.\n"
    "\n"
    "**Profiles.** Services with `profiles` run when `profiles = [\"name\"]` of instance.toml "
    "names one.\n"
    "\n"
    "**Grants.** Some privileges are an organiser's to give, in instance.toml, to one challenge:\n"
    "`[allow]` with `capabilities = [\"SYS_PTRACE\"]` or `devices = [\"/dev/net/tun\"]`. The "
    "compose file\n"
    "has to ask for them as well; each grant is a warning when the challenge is loaded.\n"
    "\n"
    "**Dockerfiles** are read too, since the builder fetches from the network of the engine's "
    "host,\n"
    "whatever `network:` says. Refused, unless the operator sets `BUILD_ALLOW_REMOTE_ADD`: `ADD` "
    "of a\n"
    "URL or a git repository; `ADD` of a source with variables, quotes or backslashes, which "
    "could\n"
    "become one (`COPY` may have them); a frontend other than `docker/dockerfile:1...` in `# "
    "syntax=`\n"
    "or the argument `BUILDKIT_SYNTAX`. Always refused: `RUN --mount=type=secret` and `type=ssh`, "
    "which\n"
    "need a session with the builder; `RUN --network=host`, `RUN --security=insecure`. A line "
    "that\n"
    "starts with `ADD` or `RUN` counts as an instruction wherever it stands, also in a heredoc.\n"
    "`ONBUILD` instructions of a base image are not seen.\n"
    "\n"
    "`whaley compose config` prints what a project means, in the specification's canonical form.\n";

void compose_print_keys(StrBuf *out)
{
    strbuf_adds(out, preface);
    for (int place = 0; place < KEY_PLACE_COUNT; place++) {
        strbuf_addf(out, "\n## %s\n\n", places[place].title);
        if (*places[place].path)
            strbuf_addf(out, "`%s`\n\n", places[place].path);
        strbuf_adds(out, "| key | | |\n|---|---|---|\n");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            if ((int)rows[i].place == place)
                strbuf_addf(out, "| `%s` | %s | %s |\n", rows[i].name, policy_names[rows[i].policy],
                            rows[i].sentence);
    }
}
