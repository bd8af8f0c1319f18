/*
 * config - the fields of instance.toml (or challenge.yaml) into a Challenge.
 *
 * Keys may stand at the top level, in [challenge] or in [instance]. An unknown key is a warning
 * with the nearest name; a wrong type or range is an error. Both name file, line and column.
 *
 * Ownership  ConfigPorts lives in the arena given; text set in the Challenge is its own.
 */
#pragma once

#include "base/arena.h"
#include "challenge/challenge.h"
#include "wire/toml.h"
#include "wire/yaml.h"

enum {
    CONFIG_PORTS_MAX = 32,
    CONFIG_TIMEOUT_MIN_S = 10,
    CONFIG_TIMEOUT_MAX_S = 604800,
    CONFIG_EXTEND_DEFAULT_S = 1800,
    CONFIG_NAME_MAX = 200,
    CONFIG_PROFILES_MAX = 32,
    CONFIG_ALLOW_MAX = 32,
    CONFIG_DESCRIPTION_MAX = 20000,
};

/* A port as the author listed it. */
typedef struct ConfigPort {
    uint16_t port;
    bool has_protocol;
    ChallengeProtocol protocol;
    const char *label, *service; /* or NULL */
    int line, column;
    const char *field; /* "ports[0]" */
} ConfigPort;

typedef struct ConfigPorts {
    bool given;   /* the key is there, if only as an empty list */
    bool damaged; /* some of it was refused and is missing here */
    ConfigPort *items;
    size_t n;
} ConfigPorts;

/* Parses `text` by the name of challenge->config_file. Trouble goes to challenge->diags. */
void config_load(Challenge *challenge, Arena *arena, const char *text, size_t len,
                 ConfigPorts *ret_ports);

/* --- parts, shared by the files of this module ---------------------------------------------- */

typedef struct ConfigReader {
    Challenge *challenge;
    Arena *arena;
    ConfigPorts ports;
} ConfigReader;

/* A value and how it is called: "timeout", "challenge.timeout", "ports[0].port". */
typedef struct ConfigItem {
    const char *field;
    const TomlValue *value;
} ConfigItem;

void config_error(ConfigReader *r, ConfigItem item, const char *code, const char *hint,
                  const char *fmt, ...) PRINTF_LIKE(5, 6);
void config_warning(ConfigReader *r, ConfigItem item, const char *code, const char *hint,
                    const char *fmt, ...) PRINTF_LIKE(5, 6);
/* An error unless the value is of `kind`. `example` is a value that would be right. */
bool config_is(ConfigReader *r, ConfigItem item, TomlKind kind, const char *example);
/* Text without NUL or control characters, 1 to max bytes; or NULL and an error. */
const char *config_text(ConfigReader *r, ConfigItem item, size_t max);
/* A warning about an entry nobody knows, with the nearest of `names`. */
void config_unknown_key(ConfigReader *r, const char *field, const TomlEntry *entry,
                        const char *const *names, size_t n_names);
/* [allow]: what an organiser grants; each grant is a warning, so that nobody overlooks it. */
void config_read_allow(ConfigReader *r, ConfigItem item);
void config_read_ports(ConfigReader *r, ConfigItem item);
/* The same tree as if it had been TOML: plain scalars typed by YAML's core schema. */
const TomlValue *config_from_yaml(Arena *arena, const YamlNode *node);
