/*
 * Tables, arrays and the document.
 *
 * The hard part of TOML is which table may be extended by what. Each table keeps how it came to
 * be (Origin); the rules are in step_into(), open_table() and set_key().
 */
#include "wire/toml.h"
#include "wire/toml_scan.h"

#include <string.h>

typedef enum Origin {
    IMPLICIT, /* [a.b] made `a` on the way: may be opened once */
    OPENED,   /* [a] or [[a]]: may get sub-tables by headers only */
    DOTTED,   /* a.b = 1 made `a`: may get more dotted keys, and sub-tables by headers */
    CLOSED,   /* a = { } or a = [ ]: complete */
} Origin;

/* What every TomlValue of ours really is. */
typedef struct Node {
    TomlValue value; /* first: a TomlValue * is a Node * */
    Origin origin;
    int depth;
} Node;

typedef struct KeyPart {
    TomlText text;
    TomlPos pos;
} KeyPart;

typedef struct Key {
    KeyPart parts[TOML_DEPTH_MAX];
    size_t n;
} Key;

static int read_value(TomlScan *s, int depth, Node **ret);

static Node *node_of(TomlValue *value)
{
    return (Node *)value;
}

static int new_node(TomlScan *s, TomlPos pos, TomlKind kind, int depth, Node **ret)
{
    Node *node;

    if (depth > TOML_DEPTH_MAX)
        return toml_fail_at(s, pos, "nested deeper than %d levels", TOML_DEPTH_MAX);
    if (++s->n_values > TOML_VALUES_MAX)
        return toml_fail_at(s, pos, "more than %d values", TOML_VALUES_MAX);
    node = arena_new_type(s->arena, Node);
    node->value.kind = kind;
    node->value.line = pos.line;
    node->value.column = pos.column;
    node->depth = depth;
    *ret = node;
    return 0;
}

/* --- containers ----------------------------------------------------------------------------- */

static TomlEntry *find_entry(const TomlValue *table, TomlText key)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].key_len == key.len &&
            memcmp(table->entries[i].key, key.text, key.len) == 0)
            return &table->entries[i];
    return NULL;
}

static void add_entry(TomlScan *s, Node *table, const KeyPart *key, Node *node)
{
    TomlValue *t = &table->value;

    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 8;
        t->entries = arena_grow(s->arena, t->entries, t->n * sizeof *t->entries,
                                t->cap * sizeof *t->entries);
    }
    t->entries[t->n++] = (TomlEntry){
        .key = key->text.text,
        .key_len = key->text.len,
        .line = key->pos.line,
        .column = key->pos.column,
        .value = &node->value,
    };
}

static void add_item(TomlScan *s, Node *array, Node *node)
{
    TomlValue *a = &array->value;

    if (a->n == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 8;
        a->items =
            arena_grow(s->arena, a->items, a->n * sizeof *a->items, a->cap * sizeof *a->items);
    }
    a->items[a->n++] = &node->value;
}

/* --- keys ----------------------------------------------------------------------------------- */

static bool is_bare_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static int read_key_part(TomlScan *s, KeyPart *part)
{
    size_t n = 0;

    if (++s->n_keys > TOML_KEYS_MAX)
        return toml_fail(s, "more than %d keys", TOML_KEYS_MAX);
    part->pos = toml_pos(s);
    if (toml_peek(s, 0) == '"' || toml_peek(s, 0) == '\'')
        return toml_read_key_string(s, &part->text);
    while (is_bare_byte(toml_peek(s, n)))
        n++;
    if (n == 0)
        return toml_fail(s, "expected a key, found %s", toml_here(s));
    part->text = (TomlText){ arena_strndup(s->arena, s->text + s->at, n), n };
    s->at += n;
    return 0;
}

static int read_key(TomlScan *s, Key *key)
{
    key->n = 0;
    for (;;) {
        if (key->n == TOML_DEPTH_MAX)
            return toml_fail(s, "a key of more than %d parts", TOML_DEPTH_MAX);
        if (read_key_part(s, &key->parts[key->n]) < 0)
            return -1;
        key->n++;
        toml_skip_blanks(s);
        if (toml_peek(s, 0) != '.')
            return 0;
        s->at++;
        toml_skip_blanks(s);
    }
}

static int already(TomlScan *s, const KeyPart *part, const TomlEntry *before)
{
    return toml_fail_at(s, part->pos, "'%.60s' is set already, on line %d", part->text.text,
                        before->line);
}

/* --- key = value ---------------------------------------------------------------------------- */

/* The table that a dotted key goes through, made when absent. */
static int dotted_step(TomlScan *s, Node **table, const KeyPart *part)
{
    TomlEntry *entry = find_entry(&(*table)->value, part->text);
    Node *next = entry ? node_of(entry->value) : NULL;

    if (!next) {
        if (new_node(s, part->pos, TOML_TABLE, (*table)->depth + 1, &next) < 0)
            return -1;
        add_entry(s, *table, part, next);
    } else if (next->value.kind != TOML_TABLE || next->origin == OPENED || next->origin == CLOSED) {
        return already(s, part, entry);
    }
    next->origin = DOTTED;
    *table = next;
    return 0;
}

static int read_pair(TomlScan *s, Node *table)
{
    Key key;
    const KeyPart *last;
    const TomlEntry *before;
    Node *node = NULL;

    if (read_key(s, &key) < 0)
        return -1;
    if (toml_peek(s, 0) != '=')
        return toml_fail(s, "expected '=' after the key, found %s", toml_here(s));
    s->at++;
    toml_skip_blanks(s);
    for (size_t i = 0; i + 1 < key.n; i++)
        if (dotted_step(s, &table, &key.parts[i]) < 0)
            return -1;
    last = &key.parts[key.n - 1];
    before = find_entry(&table->value, last->text);
    if (before)
        return already(s, last, before);
    if (read_value(s, table->depth + 1, &node) < 0)
        return -1;
    add_entry(s, table, last, node);
    return 0;
}

/* --- values --------------------------------------------------------------------------------- */

static int read_array(TomlScan *s, Node *array)
{
    Node *item = NULL;

    s->at++;
    array->origin = CLOSED;
    for (;;) {
        if (toml_skip_lines(s) < 0)
            return -1;
        if (toml_peek(s, 0) == ']')
            break;
        if (read_value(s, array->depth + 1, &item) < 0)
            return -1;
        add_item(s, array, item);
        if (toml_skip_lines(s) < 0)
            return -1;
        if (toml_peek(s, 0) == ']')
            break;
        if (toml_peek(s, 0) != ',')
            return toml_fail(s, "expected ',' or ']' in the array, found %s", toml_here(s));
        s->at++;
    }
    s->at++;
    return 0;
}

static int read_inline_table(TomlScan *s, Node *table)
{
    s->at++;
    toml_skip_blanks(s);
    if (toml_peek(s, 0) != '}') {
        for (;;) {
            toml_skip_blanks(s);
            if (read_pair(s, table) < 0)
                return -1;
            toml_skip_blanks(s);
            if (toml_peek(s, 0) != ',')
                break;
            s->at++;
        }
    }
    if (toml_peek(s, 0) != '}')
        return toml_fail(s, "expected ',' or '}' in the inline table, found %s", toml_here(s));
    s->at++;
    table->origin = CLOSED;
    return 0;
}

static int read_text(TomlScan *s, Node *node)
{
    TomlText text = { 0 };

    if (toml_read_string(s, &text) < 0)
        return -1;
    node->value.text = text.text;
    node->value.text_len = text.len;
    return 0;
}

static int read_value(TomlScan *s, int depth, Node **ret)
{
    Node *node = NULL;

    if (new_node(s, toml_pos(s), TOML_STRING, depth, &node) < 0)
        return -1;
    *ret = node;
    switch (toml_peek(s, 0)) {
    case '"':
    case '\'':
        return read_text(s, node);
    case '[':
        node->value.kind = TOML_ARRAY;
        return read_array(s, node);
    case '{':
        node->value.kind = TOML_TABLE;
        return read_inline_table(s, node);
    default:
        return toml_read_scalar(s, &node->value);
    }
}

/* --- [table] and [[array of tables]] -------------------------------------------------------- */

/* The table that a header's path goes through, made when absent. */
static int header_step(TomlScan *s, Node **table, const KeyPart *part)
{
    TomlEntry *entry = find_entry(&(*table)->value, part->text);
    Node *next = entry ? node_of(entry->value) : NULL;

    if (!next) {
        if (new_node(s, part->pos, TOML_TABLE, (*table)->depth + 1, &next) < 0)
            return -1;
        add_entry(s, *table, part, next);
    }
    if (next->value.kind == TOML_ARRAY && next->origin == OPENED)
        next = node_of(next->value.items[next->value.n - 1]);
    if (next->value.kind != TOML_TABLE || next->origin == CLOSED)
        return already(s, part, entry);
    *table = next;
    return 0;
}

static int open_table(TomlScan *s, Node *parent, const KeyPart *part, Node **ret)
{
    TomlEntry *entry = find_entry(&parent->value, part->text);
    Node *table = entry ? node_of(entry->value) : NULL;

    if (!table) {
        if (new_node(s, part->pos, TOML_TABLE, parent->depth + 1, &table) < 0)
            return -1;
        add_entry(s, parent, part, table);
    } else if (table->value.kind != TOML_TABLE || table->origin != IMPLICIT) {
        return already(s, part, entry);
    }
    table->origin = OPENED;
    *ret = table;
    return 0;
}

static int append_table(TomlScan *s, Node *parent, const KeyPart *part, Node **ret)
{
    TomlEntry *entry = find_entry(&parent->value, part->text);
    Node *array = entry ? node_of(entry->value) : NULL, *table = NULL;

    if (!array) {
        if (new_node(s, part->pos, TOML_ARRAY, parent->depth + 1, &array) < 0)
            return -1;
        add_entry(s, parent, part, array);
        array->origin = OPENED;
    } else if (array->value.kind != TOML_ARRAY || array->origin != OPENED) {
        return already(s, part, entry);
    }
    if (new_node(s, part->pos, TOML_TABLE, array->depth + 1, &table) < 0)
        return -1;
    add_item(s, array, table);
    table->origin = OPENED;
    *ret = table;
    return 0;
}

static int read_header(TomlScan *s, Node *root, Node **ret_table)
{
    bool is_array = toml_peek(s, 1) == '[';
    Node *parent = root;
    Key key;

    s->at += is_array ? 2 : 1;
    toml_skip_blanks(s);
    if (read_key(s, &key) < 0)
        return -1;
    if (toml_peek(s, 0) != ']' || (is_array && toml_peek(s, 1) != ']'))
        return toml_fail(s, "expected '%s' after the name, found %s", is_array ? "]]" : "]",
                         toml_here(s));
    s->at += is_array ? 2 : 1;
    for (size_t i = 0; i + 1 < key.n; i++)
        if (header_step(s, &parent, &key.parts[i]) < 0)
            return -1;
    return is_array ? append_table(s, parent, &key.parts[key.n - 1], ret_table)
                    : open_table(s, parent, &key.parts[key.n - 1], ret_table);
}

/* --- the document --------------------------------------------------------------------------- */

static int end_of_line(TomlScan *s)
{
    toml_skip_blanks(s);
    if (toml_skip_comment(s) < 0)
        return -1;
    if (toml_at_end(s) || toml_take_newline(s))
        return 0;
    return toml_fail(s, "expected the end of the line, found %s", toml_here(s));
}

static int read_document(TomlScan *s, Node *root)
{
    Node *table = root;

    for (;;) {
        int rc;
        if (toml_skip_lines(s) < 0)
            return -1;
        if (toml_at_end(s))
            return 0;
        rc = toml_peek(s, 0) == '[' ? read_header(s, root, &table) : read_pair(s, table);
        if (rc < 0 || end_of_line(s) < 0)
            return -1;
    }
}

int toml_parse(Arena *arena, const char *text, size_t len, const TomlValue **ret_root,
               TomlPos *ret_pos, Error *err)
{
    TomlPos unused;
    TomlScan s = {
        .text = text,
        .len = len,
        .line = 1,
        .arena = arena,
        .fail_pos = ret_pos ? ret_pos : &unused,
        .err = err,
    };
    Node *root = NULL;

    if (len > TOML_TEXT_MAX)
        return toml_fail(&s, "larger than %d bytes", TOML_TEXT_MAX);
    if (toml_scan_start(&s) < 0 || new_node(&s, (TomlPos){ 1, 1 }, TOML_TABLE, 0, &root) < 0)
        return -1;
    root->origin = OPENED;
    if (read_document(&s, root) < 0)
        return -1;
    *ret_root = &root->value;
    return 0;
}

const TomlEntry *toml_find(const TomlValue *table, const char *key)
{
    return find_entry(table, (TomlText){ key, strlen(key) });
}

const char *toml_kind_name(TomlKind kind)
{
    static const char *const names[] = {
        [TOML_TABLE] = "table",           [TOML_ARRAY] = "array",
        [TOML_STRING] = "string",         [TOML_INTEGER] = "integer",
        [TOML_FLOAT] = "float",           [TOML_BOOL] = "boolean",
        [TOML_DATETIME] = "date-time",    [TOML_LOCAL_DATETIME] = "local date-time",
        [TOML_LOCAL_DATE] = "local date", [TOML_LOCAL_TIME] = "local time",
    };

    return names[kind];
}
