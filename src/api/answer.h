/*
 * answer - replies in the API's shape: headers that every answer carries, JSON, errors.
 *
 * An error is {"detail", "code", "request_id"}. Input that does not fit is 422, with `detail` a
 * list of {type, loc, msg, input} (behaviour.md 0.4).
 */
#pragma once

#include "api/call.h"
#include "base/error.h"
#include "wire/json_write.h"

/* Starts the reply anew: security headers, X-Request-Id, CORS, Cache-Control: no-store. */
void answer_start(Call *call, int status);
/* A JSON reply; write one value with the writer. */
JsonWriter answer_json(Call *call, int status);
void answer_error(Call *call, int status, const char *code, const char *detail);
/*
 * The status of the error's code. Its detail is shown when the code is a refusal (< 500 or 503);
 * otherwise it is logged and the public text shown.
 */
void answer_failure(Call *call, const Error *err);
/* The text answer_failure() shows. */
const char *answer_public_detail(const Call *call, const Error *err);
/* 429 with Retry-After. */
void answer_too_many(Call *call, int64_t retry_after_s, const char *detail);
void answer_header_int(Call *call, const char *name, int64_t value);

typedef struct AnswerFault {
    const char *type, *msg;
    const char *field; /* loc is ["body", field]; NULL: ["body"] */
    const char *input_json;
} AnswerFault;
void answer_invalid(Call *call, const AnswerFault *fault);
