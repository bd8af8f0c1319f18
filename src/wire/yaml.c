#include "wire/yaml.h"
#include "base/map.h"
#include "base/str.h"

#include <string.h>
#include <yaml.h>

/*
 * libyaml's document API is quadratic on deep input, knows no merge keys and accepts duplicate
 * keys, so only its events are used. The composer keeps an explicit stack: hostile depth costs an
 * error, not the C stack.
 */

enum { VISITS_MAX = 100000, LINEAR_KEYS_MAX = 16 };

/* A node with what only the composer needs to know. */
typedef struct Built {
    YamlNode node; /* first: a YamlNode * of this tree is a Built * */
    size_t weight; /* nodes below, aliases counted each time, including itself */
    size_t height; /* collections on the longest way down, including itself */
    bool closed;   /* false while it is still being filled: an alias to it would be a cycle */
} Built;

typedef struct Frame {
    Built *built;
    YamlNode *key;   /* MAP: the key waiting for its value */
    YamlNode *merge; /* MAP: the value of `<<` */
    Map *seen;       /* MAP: keys so far, once there are many */
} Frame;

typedef struct Composer {
    bool tagged; /* `!reset` and `!override` are known */
    Arena *arena;
    const char *text;
    size_t len;
    /* cursor from libyaml's marks (line, character) to bytes */
    size_t line, line_start, column, offset;
    Map *anchors; /* name -> Built */
    Frame stack[YAML_DEPTH_MAX];
    size_t depth;
    Built *root;
    size_t n_nodes, n_documents, n_merged;
    YamlPos *pos;
    Error *err;
} Composer;

static Built *built_of(YamlNode *node)
{
    return (Built *)node;
}

/* ---- positions ---- */

/* Bytes of the line break at `at`, 0 when there is none; the breaks are those of libyaml. */
static size_t break_len(const Composer *c, size_t at)
{
    const char *s = c->text + at;
    size_t left = c->len - at;

    if (left == 0)
        return 0;
    if (left >= 2 && memcmp(s, "\r\n", 2) == 0)
        return 2;
    if (*s == '\n' || *s == '\r')
        return 1;
    if (left >= 2 && memcmp(s, "\xC2\x85", 2) == 0)
        return 2;
    if (left >= 3 && (memcmp(s, "\xE2\x80\xA8", 3) == 0 || memcmp(s, "\xE2\x80\xA9", 3) == 0))
        return 3;
    return 0;
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* libyaml counts characters; we promise bytes. Marks come nearly in order, so a cursor follows. */
static YamlPos position(Composer *c, yaml_mark_t mark)
{
    if (mark.line < c->line)
        c->line = c->line_start = c->column = c->offset = 0;
    while (c->line < mark.line && c->offset < c->len) {
        size_t step = break_len(c, c->offset);
        c->offset += step ? step : 1;
        if (step) {
            c->line++;
            c->line_start = c->offset;
            c->column = 0;
        }
    }
    if (mark.column < c->column) {
        c->offset = c->line_start;
        c->column = 0;
    }
    while (c->column < mark.column && c->offset < c->len && !break_len(c, c->offset)) {
        do
            c->offset++;
        while (c->offset < c->len && is_continuation(c->text[c->offset]));
        c->column++;
    }
    return (YamlPos){ .line = (int)mark.line + 1, .column = (int)(c->offset - c->line_start) + 1 };
}

#define fail_at(c, at, ...) (*(c)->pos = (at), error_set((c)->err, E_SYNTAX, __VA_ARGS__))

static YamlPos node_pos(const YamlNode *node)
{
    return (YamlPos){ node->line, node->column };
}

/* ---- maps ---- */

static const YamlPair *find_pair(const YamlNode *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->pairs[i].key->text, key) == 0)
            return &map->pairs[i];
    return NULL;
}

/* The earlier key of that name, or NULL; few keys are compared, many are hashed. */
static const YamlNode *frame_seen(Frame *f, const char *key)
{
    const YamlNode *map = &f->built->node;
    const YamlPair *pair;

    if (map->n > LINEAR_KEYS_MAX && !f->seen) {
        f->seen = map_new();
        for (size_t i = 0; i < map->n; i++)
            map_put(f->seen, map->pairs[i].key->text, map->pairs[i].key);
    }
    if (f->seen)
        return map_get(f->seen, key);
    pair = find_pair(map, key);
    return pair ? pair->key : NULL;
}

static void map_append(Arena *arena, Frame *f, YamlPair pair)
{
    YamlNode *map = &f->built->node;

    if (map->n == map->cap) {
        size_t cap = map->cap ? map->cap * 2 : 4;
        map->pairs =
            arena_grow(arena, map->pairs, map->n * sizeof *map->pairs, cap * sizeof *map->pairs);
        map->cap = cap;
    }
    map->pairs[map->n++] = pair;
    if (f->seen)
        map_put(f->seen, pair.key->text, pair.key);
}

static void list_append(Arena *arena, YamlNode *list, YamlNode *item)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 4;
        list->items =
            arena_grow(arena, list->items, list->n * sizeof(YamlNode *), cap * sizeof(YamlNode *));
        list->cap = cap;
    }
    list->items[list->n++] = item;
}

/*
 * An alias costs one pointer to write but its whole subtree to walk, and may hang a deep tree at a
 * deep place: both sums are bounded as if it were written out.
 */
static int account(Composer *c, Built *parent, const YamlNode *child, YamlPos at)
{
    const Built *b = (const Built *)child;

    parent->weight += b->weight;
    if (b->height + 1 > parent->height)
        parent->height = b->height + 1;
    if (parent->weight > VISITS_MAX)
        return fail_at(c, at, "aliases expand to more than %d values", VISITS_MAX);
    if (c->depth + b->height > YAML_DEPTH_MAX)
        return fail_at(c, at, "nested deeper than %d levels", YAML_DEPTH_MAX);
    return 0;
}

/* ---- merge keys ---- */

static int merge_map(Composer *c, Frame *f, const YamlNode *source, YamlPos at)
{
    if (source->kind != YAML_MAP)
        return fail_at(c, at, "'<<' merges a mapping or a list of mappings, not %s",
                       yaml_kind_name(source));
    c->n_merged += source->n + 1;
    if (c->n_merged > VISITS_MAX)
        return fail_at(c, at, "merge keys copy more than %d values", VISITS_MAX);
    for (size_t i = 0; i < source->n; i++) {
        YamlPair pair = source->pairs[i];
        if (frame_seen(f, pair.key->text))
            continue;
        map_append(c->arena, f, pair);
        if (account(c, f->built, pair.key, at) < 0 || account(c, f->built, pair.value, at) < 0)
            return -1;
    }
    return 0;
}

/* Runs when the map is closed, because its own keys win wherever they stand. */
static int merge(Composer *c, Frame *f)
{
    const YamlNode *value = f->merge;

    if (value->kind != YAML_LIST)
        return merge_map(c, f, value, node_pos(value));
    for (size_t i = 0; i < value->n; i++)
        if (merge_map(c, f, value->items[i], node_pos(value->items[i])) < 0)
            return -1;
    return 0;
}

/* ---- attaching nodes ---- */

static int attach_key(Composer *c, Frame *f, YamlNode *node, YamlPos at)
{
    const YamlNode *first;

    if (node->kind != YAML_SCALAR)
        return fail_at(c, at, "a key must be text, not %s", yaml_kind_name(node));
    first = f->merge && node->plain && strcmp(node->text, "<<") == 0 ? f->merge
                                                                     : frame_seen(f, node->text);
    if (first)
        return fail_at(c, at, "the key '%.100s' stands here twice (first at line %d)", node->text,
                       first->line);
    f->key = node;
    return account(c, f->built, node, at);
}

static int attach_value(Composer *c, Frame *f, YamlNode *node, YamlPos at)
{
    YamlNode *key = TAKE(f->key);

    if (key->plain && strcmp(key->text, "<<") == 0) {
        f->merge = node;
        return 0;
    }
    map_append(c->arena, f, (YamlPair){ key, node });
    return account(c, f->built, node, at);
}

/* Puts a node, new or aliased, where the stack says. */
static int attach(Composer *c, YamlNode *node, YamlPos at)
{
    Frame *f;

    if (c->depth == 0) {
        c->root = built_of(node);
        return 0;
    }
    f = &c->stack[c->depth - 1];
    if (f->built->node.kind == YAML_LIST) {
        list_append(c->arena, &f->built->node, node);
        return account(c, f->built, node, at);
    }
    return f->key ? attach_value(c, f, node, at) : attach_key(c, f, node, at);
}

static Built *new_node(Composer *c, YamlKind kind, YamlPos at, const yaml_char_t *anchor)
{
    Built *b;

    if (++c->n_nodes > YAML_NODES_MAX) {
        (void)fail_at(c, at, "more than %d values", YAML_NODES_MAX);
        return NULL;
    }
    b = arena_new_type(c->arena, Built);
    b->node.kind = kind;
    b->node.line = at.line;
    b->node.column = at.column;
    b->node.text = "";
    b->weight = 1;
    if (anchor)
        map_put(c->anchors, (const char *)anchor, b);
    return b;
}

/* ---- events ---- */

#define CORE_TAG "tag:yaml.org,2002:"

static YamlTag merge_tag(const Composer *c, const yaml_char_t *tag)
{
    const char *name = (const char *)tag;

    if (!c->tagged || !name)
        return YAML_TAG_NONE;
    return strcmp(name, "!reset") == 0      ? YAML_TAG_RESET
           : strcmp(name, "!override") == 0 ? YAML_TAG_OVERRIDE
                                            : YAML_TAG_NONE;
}

static int check_tag(Composer *c, const yaml_char_t *tag, const char *const *known, size_t n,
                     YamlPos at)
{
    const char *name = (const char *)tag;

    if (merge_tag(c, tag) != YAML_TAG_NONE)
        return 0;
    if (!name || strcmp(name, "!") == 0)
        return 0;
    if (str_starts(name, CORE_TAG) && str_in(name + strlen(CORE_TAG), known, n))
        return 0;
    return fail_at(c, at, "the tag '%.100s' is not supported", name);
}

static int on_scalar(Composer *c, const yaml_event_t *e, YamlPos at)
{
    static const char *const tags[] = { "str", "int", "float", "bool", "null" };
    const char *tag = (const char *)e->data.scalar.tag;
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    Built *b = new_node(c, YAML_SCALAR, at, e->data.scalar.anchor);

    if (!b || check_tag(c, e->data.scalar.tag, tags, ARRAY_LEN(tags), at) < 0)
        return -1;
    if (memchr(text, '\0', len))
        return fail_at(c, at, "text must not hold a NUL character");
    b->node.text = arena_strndup(c->arena, text, len);
    b->node.tag = merge_tag(c, e->data.scalar.tag);
    if (b->node.tag != YAML_TAG_NONE)
        tag = NULL;
    b->node.plain = tag ? strcmp(tag, "!") != 0 && strcmp(tag, CORE_TAG "str") != 0
                        : e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    b->closed = true;
    return attach(c, &b->node, at);
}

static int on_open(Composer *c, YamlKind kind, const yaml_char_t *anchor, YamlPos at)
{
    const Frame *f = c->depth ? &c->stack[c->depth - 1] : NULL;
    Built *b;

    if (f && f->built->node.kind == YAML_MAP && !f->key)
        return fail_at(c, at, "a key must be text, not a list or a mapping");
    if (c->depth == YAML_DEPTH_MAX)
        return fail_at(c, at, "nested deeper than %d levels", YAML_DEPTH_MAX);
    b = new_node(c, kind, at, anchor);
    if (!b)
        return -1;
    b->height = 1;
    c->stack[c->depth++] = (Frame){ .built = b };
    return 0;
}

/* A collection joins its parent when it is complete, with its final weight. */
static int on_close(Composer *c)
{
    Frame *f = &c->stack[c->depth - 1];
    Built *b = f->built;
    int status = f->merge ? merge(c, f) : 0;

    map_free(TAKE(f->seen));
    c->depth--;
    b->closed = true;
    return status < 0 ? -1 : attach(c, &b->node, node_pos(&b->node));
}

static int on_alias(Composer *c, const char *name, YamlPos at)
{
    Built *b = map_get(c->anchors, name);

    if (!b)
        return fail_at(c, at, "no anchor '&%.100s' stands above this alias", name);
    if (!b->closed)
        return fail_at(c, at, "the alias '*%.100s' stands inside its own anchor", name);
    return attach(c, &b->node, at);
}

static int on_collection(Composer *c, const yaml_event_t *e, YamlPos at)
{
    static const char *const list_tag[] = { "seq" }, *const map_tag[] = { "map" };
    bool list = e->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *tag = list ? e->data.sequence_start.tag : e->data.mapping_start.tag;
    const yaml_char_t *anchor = list ? e->data.sequence_start.anchor : e->data.mapping_start.anchor;

    if (check_tag(c, tag, list ? list_tag : map_tag, 1, at) < 0)
        return -1;
    if (on_open(c, list ? YAML_LIST : YAML_MAP, anchor, at) < 0)
        return -1;
    c->stack[c->depth - 1].built->node.tag = merge_tag(c, tag);
    return 0;
}

static int on_event(Composer *c, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++c->n_documents > 1)
            return fail_at(c, position(c, e->start_mark), "only one document fits in a file");
        return 0;
    case YAML_SCALAR_EVENT:
        return on_scalar(c, e, position(c, e->start_mark));
    case YAML_ALIAS_EVENT:
        return on_alias(c, (const char *)e->data.alias.anchor, position(c, e->start_mark));
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return on_collection(c, e, position(c, e->start_mark));
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(c);
    default:
        return 0;
    }
}

static int library_error(Composer *c, const yaml_parser_t *p)
{
    YamlPos at = position(c, p->problem_mark);

    if (p->context)
        return fail_at(c, at, "%s, %s", p->problem ? p->problem : "not valid YAML", p->context);
    return fail_at(c, at, "%s", p->problem ? p->problem : "not valid YAML");
}

static int compose(Composer *c, yaml_parser_t *parser)
{
    for (;;) {
        yaml_event_t event;
        bool end;
        int status;

        if (!yaml_parser_parse(parser, &event))
            return library_error(c, parser);
        end = event.type == YAML_STREAM_END_EVENT;
        status = on_event(c, &event);
        yaml_event_delete(&event);
        if (status < 0 || end)
            return status;
    }
}

/* libyaml reports bad bytes at 1:1, so they are found first. */
static int check_bytes(Composer *c)
{
    YamlPos at = { 1, 1 };
    size_t start = 0, step;

    if (c->len > YAML_TEXT_MAX)
        return fail_at(c, at, "larger than %d bytes", YAML_TEXT_MAX);
    if (str_is_utf8(c->text, c->len))
        return 0;
    for (size_t i = 0; i < c->len; i += step ? step : 1) {
        step = break_len(c, i);
        if (!step)
            continue;
        if (!str_is_utf8(c->text + start, i - start))
            break;
        start = i + step;
        at.line++;
    }
    return fail_at(c, at, "this line is not UTF-8 text");
}

static int read_document(Composer *c, YamlNode **ret_root)
{
    yaml_parser_t parser;
    int status;

    if (c->len >= 3 && memcmp(c->text, "\xEF\xBB\xBF", 3) == 0) {
        c->text += 3;
        c->len -= 3;
    }
    if (check_bytes(c) < 0)
        return -1;
    if (!yaml_parser_initialize(&parser))
        return error_set(c->err, E_INTERNAL, "no memory for a YAML parser");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)c->text, c->len);
    status = compose(c, &parser);
    yaml_parser_delete(&parser);
    while (c->depth > 0)
        map_free(c->stack[--c->depth].seen);
    if (status < 0)
        return -1;
    *ret_root =
        c->root && !(yaml_is_null(&c->root->node) && !*c->root->node.text) ? &c->root->node : NULL;
    return 0;
}

int yaml_read(Arena *arena, const char *text, size_t len, YamlNode **ret_root, YamlPos *ret_pos,
              Error *err)
{
    AUTO_MAP Map *anchors = map_new();
    Composer c = { .arena = arena, .text = text, .len = len, .anchors = anchors };

    c.pos = ret_pos;
    c.err = err;
    return read_document(&c, ret_root);
}

int yaml_read_tagged(Arena *arena, const char *text, size_t len, YamlNode **ret_root,
                     YamlPos *ret_pos, Error *err)
{
    AUTO_MAP Map *anchors = map_new();
    Composer c = { .arena = arena, .text = text, .len = len, .anchors = anchors, .tagged = true };

    c.pos = ret_pos;
    c.err = err;
    return read_document(&c, ret_root);
}

/* ---- questions ---- */

YamlNode *yaml_get(const YamlNode *map, const char *key)
{
    const YamlPair *pair = map && map->kind == YAML_MAP ? find_pair(map, key) : NULL;

    return pair ? pair->value : NULL;
}

bool yaml_is_null(const YamlNode *node)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

    return node && node->kind == YAML_SCALAR && node->plain &&
           str_in(node->text, nulls, ARRAY_LEN(nulls));
}

const char *yaml_kind_name(const YamlNode *node)
{
    if (!node || yaml_is_null(node))
        return "nothing";
    switch (node->kind) {
    case YAML_MAP:
        return "a mapping";
    case YAML_LIST:
        return "a list";
    case YAML_SCALAR:
        break;
    }
    return "text";
}
