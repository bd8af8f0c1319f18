/*
 * A request head as text: the first line is split at its spaces, the others at the first colon.
 * Whatever is let in must keep the promises that the rest of the server builds on.
 */
#include "base/arena.h"
#include "base/check.h"
#include "http/head_check.h"
#include "http/query.h"

#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text up to `stop` or the end of the line, terminated; *at moves past it. */
static const char *take(Arena *arena, const char **at, const char *end, char stop, size_t *ret_len)
{
    const char *start = *at, *p = start;

    while (p < end && *p != stop && *p != '\n')
        p++;
    *at = p < end ? p + 1 : p;
    *ret_len = strnlen(start, (size_t)(p - start));
    return arena_strndup(arena, start, (size_t)(p - start));
}

static size_t count(const Head *head, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < head->n_fields; i++)
        n += strcasecmp(head->fields[i].name, name) == 0;
    return n;
}

static void check_promises(Arena *arena, const Head *head, const HeadFacts *facts)
{
    Target target;
    char *path;
    size_t len;

    check(count(head, "Host") == 1 || strcmp(head->version, "HTTP/1.0") == 0);
    check(count(head, "Content-Length") + count(head, "Transfer-Encoding") <= 1);
    check((count(head, "Content-Length") == 1) == (facts->content_length >= 0));
    check((count(head, "Transfer-Encoding") == 1) == facts->chunked);
    check(target_split(head->target, &target));
    path = arena_alloc(arena, target.path_len + 1);
    if (percent_decode(target.path, target.path_len, false, path, &len))
        check(path[0] == '/' && strlen(path) == len);
    (void)query_get(arena, target.query, "a");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    AUTO_ARENA Arena *arena = arena_new();
    HeadField fields[HEAD_FIELDS_MAX + 1];
    Head head = { .fields = fields };
    HeadFacts facts;
    size_t len;

    head.method = take(arena, &at, end, ' ', &len);
    head.target = take(arena, &at, end, ' ', &len);
    head.version = take(arena, &at, end, '\n', &len);
    while (at < end && head.n_fields <= HEAD_FIELDS_MAX) {
        HeadField *field = &fields[head.n_fields++];

        field->name = take(arena, &at, end, ':', &field->name_len);
        field->value = take(arena, &at, end, '\n', &field->value_len);
    }
    if (head_check(&head, &facts))
        check_promises(arena, &head, &facts);
    else
        check(facts.status >= 400 && facts.message);
    return 0;
}
