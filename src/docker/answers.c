#include "docker/answers.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void engine_encode(StrBuf *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("-._~", *p);
        if (plain) {
            strbuf_addc(out, (char)*p);
        } else {
            const char code[3] = { '%', hex[*p >> 4], hex[*p & 15] };
            strbuf_add(out, code, sizeof code);
        }
    }
}

void engine_copy(char *ret, size_t size, const char *text)
{
    (void)snprintf(ret, size, "%.*s", (int)size - 1, text);
}

void engine_message(const StrBuf *reply, char *ret, size_t size)
{
    AUTO_JSON JsonValue *root = NULL;
    const char *text = NULL;

    if (json_parse(&root, strbuf_str(reply), reply->len, NULL) == 0)
        text = json_get_string(root, "message", json_get_string(root, "cause", NULL));
    engine_copy(ret, size, text ? text : strbuf_str(reply));
    for (char *p = ret; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    for (size_t n = strlen(ret); n > 0 && ret[n - 1] == ' '; n--)
        ret[n - 1] = '\0';
}

bool engine_said(const StrBuf *reply, const char *text)
{
    char message[2048];

    engine_message(reply, message, sizeof message);
    return strstr(message, text) != NULL;
}

int engine_refusal(int status, const StrBuf *reply, const char *what, Error *err)
{
    ErrorCode code = E_ENGINE_REFUSED;
    char message[400];

    engine_message(reply, message, sizeof message);
    if (status == 404)
        code = E_NOT_FOUND;
    else if (status == 409)
        code = E_CONFLICT;
    return error_set(err, code, "%s: the container engine answers %d: %s", what, status,
                     message[0] ? message : "(nothing)");
}

void engine_mask_nul(char *json, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if (json[i] != '\\')
            continue;
        if (n - i >= 6 && memcmp(json + i, "\\u0000", 6) == 0)
            memcpy(json + i + 2, "fffd", 4);
        i++; /* over what the backslash quotes */
    }
}

int engine_parse(const StrBuf *reply, const char *what, JsonValue **ret, Error *err)
{
    Error why;

    if (json_parse(ret, strbuf_str(reply), reply->len, &why) < 0)
        return error_set(err, E_ENGINE_DOWN, "%s: the container engine answers nonsense: %s", what,
                         why.detail);
    return 0;
}

int engine_call_json(Engine *engine, const EngineCall *call, const char *what, JsonValue **ret,
                     Error *err)
{
    AUTO_STRBUF StrBuf reply = { 0 };
    int status = engine_call(engine, call, &reply, err);

    if (status < 0)
        return error_wrap(err, "%s", what);
    if (status < 200 || status > 299)
        return engine_refusal(status, &reply, what, err);
    return engine_parse(&reply, what, ret, err);
}

int engine_take_id(const JsonValue *root, const char *key, const char *what,
                   char ret_id[ENGINE_ID_SIZE], Error *err)
{
    const char *id = json_get_string(root, key, "");

    if (!*id || strlen(id) >= ENGINE_ID_SIZE)
        return error_set(err, E_ENGINE_DOWN, "%s: the container engine gives no id", what);
    engine_copy(ret_id, ENGINE_ID_SIZE, id);
    return 0;
}

void engine_add_label_filter(StrBuf *path, char sep, const char *label)
{
    AUTO_STRBUF StrBuf json = { 0 };
    JsonWriter w = { .out = &json };

    if (!label)
        return;
    json_write_object(&w);
    engine_put_strings(&w, "label", &label, 1);
    json_write_end_object(&w);
    strbuf_addf(path, "%cfilters=", sep);
    engine_encode(path, strbuf_str(&json));
}

void engine_put_pairs(JsonWriter *w, const char *key, const EnginePair *pairs, size_t n)
{
    json_write_key(w, key);
    json_write_object(w);
    for (size_t i = 0; i < n; i++)
        json_put_string(w, pairs[i].key, pairs[i].value ? pairs[i].value : "");
    json_write_end_object(w);
}

void engine_put_strings(JsonWriter *w, const char *key, const char *const *items, size_t n)
{
    json_write_key(w, key);
    json_write_array(w);
    for (size_t i = 0; i < n; i++)
        json_write_string(w, items[i]);
    json_write_end_array(w);
}

/* "+02:00" in seconds; 0 for "Z" and anything else. */
static int64_t parse_offset(const char *text)
{
    int64_t hours, minutes;
    char h[3] = "", m[3] = "";

    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':')
        return 0;
    memcpy(h, text + 1, 2);
    memcpy(m, text + 4, 2);
    if (!str_parse_i64(h, 0, 23, &hours) || !str_parse_i64(m, 0, 59, &minutes))
        return 0;
    return (text[0] == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
}

int64_t engine_parse_time(const char *text)
{
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    int64_t at;

    if (!rest)
        return 0;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    at = (int64_t)timegm(&tm) - parse_offset(rest);
    return at < 0 ? 0 : at;
}
