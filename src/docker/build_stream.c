#include "docker/build_stream.h"
#include "base/str.h"
#include "docker/answers.h"
#include "docker/trace.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void flush_text(BuildStream *s)
{
    while (s->text.len > 0 && s->text.data[s->text.len - 1] == '\r')
        s->text.data[--s->text.len] = '\0';
    for (size_t i = 0; i < s->text.len; i++)
        if (s->text.data[i] == '\0')
            s->text.data[i] = ' ';
    if (s->text.len > 0 && s->on_line)
        s->on_line(s->ctx, strbuf_str(&s->text));
    strbuf_clear(&s->text);
}

/* Output comes in pieces that are neither whole lines nor single ones. */
static void add_output(void *ctx, const char *text, size_t n)
{
    BuildStream *s = ctx;

    while (n > 0) {
        const char *newline = memchr(text, '\n', n);
        size_t take = newline ? (size_t)(newline - text) : n;

        strbuf_add(&s->text, text, take);
        if (!newline)
            return;
        flush_text(s);
        text += take + 1;
        n -= take + 1;
    }
}

static void add_whole_line(void *ctx, const char *text, size_t n)
{
    flush_text(ctx);
    add_output(ctx, text, n);
    flush_text(ctx);
}

/* Of a pull's many lines, those that count bytes are left out. */
static void add_status(BuildStream *s, const JsonValue *root)
{
    const char *status = json_get_string(root, "status", "");
    const char *id = json_get_string(root, "id", "");
    AUTO_STRBUF StrBuf line = { .max = BUILD_LINE_MAX };

    if (!*status || json_value_len(json_value_get(root, "progressDetail")) > 0)
        return;
    strbuf_adds(&line, id);
    strbuf_adds(&line, *id ? ": " : "");
    strbuf_adds(&line, status);
    add_whole_line(s, strbuf_str(&line), line.len);
}

static void take_error(BuildStream *s, const JsonValue *root)
{
    const JsonValue *detail = json_value_get(root, "errorDetail");
    const char *text = json_get_string(detail, "message", json_get_string(root, "error", NULL));

    if (!text && json_value_kind(detail) != JSON_KIND_OBJECT)
        return;
    engine_copy(s->error, sizeof s->error, text && *text ? text : "(no reason given)");
}

static bool on_json_line(void *ctx, char *line, size_t n)
{
    BuildStream *s = ctx;
    AUTO_JSON JsonValue *root = NULL;
    const JsonValue *aux;
    const char *id, *text;

    engine_mask_nul(line, n);
    if (json_parse(&root, line, n, NULL) < 0 || json_value_kind(root) != JSON_KIND_OBJECT) {
        s->nonsense = true;
        return false;
    }
    aux = json_value_get(root, "aux");
    id = json_get_string(aux, "ID", "");
    if (*id && strlen(id) < sizeof s->image_id)
        engine_copy(s->image_id, sizeof s->image_id, id);
    if (str_eq(json_get_string(root, "id", ""), "moby.buildkit.trace"))
        trace_decode(json_value_string(aux, ""), add_whole_line, add_output, s);
    text = json_get_string(root, "stream", "");
    add_output(s, text, strlen(text));
    add_status(s, root);
    take_error(s, root);
    return true;
}

void build_stream_init(BuildStream *s, void (*on_line)(void *ctx, const char *line), void *ctx)
{
    *s = (BuildStream){ .lines = { .on_line = on_json_line, .ctx = s },
                        .text = { .max = BUILD_LINE_MAX },
                        .on_line = on_line,
                        .ctx = ctx };
}

bool build_stream_feed(BuildStream *s, const char *bytes, size_t n)
{
    bool more = lines_feed(&s->lines, bytes, n);

    s->nonsense |= s->lines.too_long;
    return more;
}

void build_stream_end(BuildStream *s)
{
    (void)!lines_end(&s->lines);
    flush_text(s);
}

void build_stream_fini(BuildStream *s)
{
    lines_fini(&s->lines);
    strbuf_fini(&s->text);
}

/* The number at *at, which is moved behind it; false when there is none that makes sense. */
static bool read_count(const char **at, int64_t *ret)
{
    char digits[6] = "";
    size_t n = strspn(*at, "0123456789");

    if (n == 0 || n >= sizeof digits)
        return false;
    memcpy(digits, *at, n);
    *at += n;
    return str_parse_i64(digits, 1, 99999, ret);
}

/* "Step 2/5 : ", "STEP 2/5: ", "[2/5] ", "[stage 2/5] " */
bool build_progress(const char *line, char ret_text[BUILD_PROGRESS_SIZE])
{
    int64_t step, steps;

    if (*line == '[') {
        size_t n = strcspn(line, "]");
        const char *at = line + n;
        while (at > line + 1 && (isdigit((unsigned char)at[-1]) || at[-1] == '/'))
            at--;
        line = at;
    } else if (str_starts(line, "Step ") || str_starts(line, "STEP ")) {
        line += 5;
    } else {
        return false;
    }
    if (!read_count(&line, &step) || *line++ != '/' || !read_count(&line, &steps) || step > steps ||
        !*line || !strchr("] :", *line))
        return false;
    (void)snprintf(ret_text, BUILD_PROGRESS_SIZE, "step %d of %d", (int)step, (int)steps);
    return true;
}
