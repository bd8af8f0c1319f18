/*
 * answers - what the resource files of this folder share: refusals, JSON replies, filters.
 */
#pragma once

#include "base/strbuf.h"
#include "docker/containers.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#include <stdbool.h>

/* The engine's own words ("message" of its JSON, else the first line), printable, cut to size. */
void engine_message(const StrBuf *reply, char *ret, size_t size);
/* Does the engine's message contain `text`? */
bool engine_said(const StrBuf *reply, const char *text);
/* Parses a reply; nonsense is E_ENGINE_DOWN. */
MUST_USE int engine_parse(const StrBuf *reply, const char *what, JsonValue **ret, Error *err);
/* Calls, turns non-2xx into an error and parses. */
MUST_USE int engine_call_json(Engine *engine, const EngineCall *call, const char *what,
                              JsonValue **ret, Error *err);
/* Takes "Id" from a reply. E_ENGINE_DOWN when there is none. */
MUST_USE int engine_take_id(const JsonValue *root, const char *key, const char *what,
                            char ret_id[ENGINE_ID_SIZE], Error *err);
/* A string member into a fixed buffer, cut if too long. */
void engine_copy(char *ret, size_t size, const char *text);
/* Appends "<sep>filters={"label":["..."]}", encoded; nothing when label is NULL. */
void engine_add_label_filter(StrBuf *path, char sep, const char *label);
/* "Labels": {...} */
void engine_put_pairs(JsonWriter *w, const char *key, const EnginePair *pairs, size_t n);
/* "key": ["a", "b"] */
void engine_put_strings(JsonWriter *w, const char *key, const char *const *items, size_t n);
/* RFC 3339 with offset to Unix seconds; 0 when it is none. */
int64_t engine_parse_time(const char *text);
