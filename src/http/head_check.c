#include "http/head_check.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/query.h"

#include <string.h>
#include <strings.h>

static bool refuse(HeadFacts *facts, int status, const char *message)
{
    facts->status = status;
    facts->message = message;
    return false;
}

/* RFC 9110 5.6.2 */
static bool is_token(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return n > 0;
}

static bool is_field_value(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_host(const char *s, size_t n)
{
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c <= 0x20 || c >= 0x7f || strchr("\"#/<>?@\\^`{|},", c))
            return false;
    }
    return n > 0;
}

static bool named(const HeadField *field, const char *name)
{
    return field->name_len == strlen(name) && strncasecmp(field->name, name, field->name_len) == 0;
}

static bool check_request_line(const Head *head, HeadFacts *facts)
{
    Target target;
    size_t n = strlen(head->method);

    if (!is_token(head->method, n))
        return refuse(facts, 400, "The request method is malformed.");
    if (n > HEAD_METHOD_MAX)
        return refuse(facts, 501, "The request method is not known.");
    if (!str_eq(head->version, "HTTP/1.1") && !str_eq(head->version, "HTTP/1.0"))
        return refuse(facts, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    for (const char *c = head->target; *c; c++)
        if ((unsigned char)*c <= 0x20 || *c == 0x7f)
            return refuse(facts, 400, "The request target holds a control character.");
    if (!target_split(head->target, &target))
        return refuse(facts, 400, "The request target is not a path.");
    if (!query_is_well_formed(target.query))
        return refuse(facts, 400, "The query string holds a malformed escape.");
    return true;
}

static bool check_content_length(const HeadField *field, HeadFacts *facts)
{
    if (facts->content_length >= 0)
        return refuse(facts, 400, "Content-Length is given more than once.");
    if (field->value_len == 0 || strspn(field->value, "0123456789") != field->value_len)
        return refuse(facts, 400, "Content-Length is not a number.");
    if (!str_parse_i64(field->value, 0, INT64_MAX, &facts->content_length))
        return refuse(facts, 413, "Content-Length is too large.");
    return true;
}

static bool check_transfer_encoding(const Head *head, const HeadField *field, HeadFacts *facts)
{
    if (facts->chunked)
        return refuse(facts, 400, "Transfer-Encoding is given more than once.");
    if (str_eq(head->version, "HTTP/1.0"))
        return refuse(facts, 400, "HTTP/1.0 has no Transfer-Encoding.");
    /* exactly: the library compares the whole value, and what it does not know it mis-frames */
    if (!str_eq_nocase(field->value, "chunked"))
        return refuse(facts, 501, "The only Transfer-Encoding understood is chunked.");
    facts->chunked = true;
    return true;
}

static bool check_field(const Head *head, const HeadField *field, size_t *n_hosts, HeadFacts *facts)
{
    if (!is_token(field->name, field->name_len))
        return refuse(facts, 400, "A header name is malformed.");
    if (!is_field_value(field->value, field->value_len))
        return refuse(facts, 400, "A header value holds a control character.");
    if (named(field, "Content-Length"))
        return check_content_length(field, facts);
    if (named(field, "Transfer-Encoding"))
        return check_transfer_encoding(head, field, facts);
    if (named(field, "Host")) {
        if (++*n_hosts > 1)
            return refuse(facts, 400, "Host is given more than once.");
        if (!is_host(field->value, field->value_len))
            return refuse(facts, 400, "Host is malformed.");
    }
    if (named(field, "Expect") && !str_eq_nocase(field->value, "100-continue"))
        return refuse(facts, 417, "The only expectation met is 100-continue.");
    return true;
}

bool head_check(const Head *head, HeadFacts *ret)
{
    size_t n_hosts = 0;

    *ret = (HeadFacts){ .content_length = -1 };
    if (!check_request_line(head, ret))
        return false;
    if (head->n_fields > HEAD_FIELDS_MAX)
        return refuse(ret, 431, "There are too many headers.");
    for (size_t i = 0; i < head->n_fields; i++)
        if (!check_field(head, &head->fields[i], &n_hosts, ret))
            return false;
    if (n_hosts == 0 && str_eq(head->version, "HTTP/1.1"))
        return refuse(ret, 400, "Host is missing.");
    if (ret->chunked && ret->content_length >= 0)
        return refuse(ret, 400, "Content-Length and Transfer-Encoding exclude each other.");
    ret->has_body = ret->chunked || ret->content_length > 0;
    return true;
}

HttpMethod head_method(const char *name)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",
        [HTTP_PUT] = "PUT",         [HTTP_DELETE] = "DELETE", [HTTP_PATCH] = "PATCH",
        [HTTP_OPTIONS] = "OPTIONS",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, names[i]))
            return (HttpMethod)i;
    return HTTP_OTHER;
}

/* The two NULs that stand for a CRLF at p, all before `end`. */
static bool crlf_at(const char *p, const char *end)
{
    return end - p >= 2 && p[0] == '\0' && p[1] == '\0';
}

bool head_is_framed(const char *version, const HeadField *fields, size_t n, const char *end)
{
    const char *p = version + strlen("HTTP/1.1");

    for (size_t i = 0; i < n; i++) {
        if (!crlf_at(p, end) || fields[i].name != p + 2)
            return false;
        p = fields[i].name + fields[i].name_len + 1;
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
        if (p != fields[i].value)
            return false;
        p += fields[i].value_len;
    }
    return crlf_at(p, end) && crlf_at(p + 2, end) && p + 4 == end;
}
