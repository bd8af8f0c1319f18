/*
 * encode - domain objects as the wire knows them (behaviour.md 1.2, and additive keys). Pure.
 *
 * Whatever an operator alone should see (container ids, network names) is blank here.
 *
 * Threads    any.
 */
#pragma once

#include "instance/instance.h"
#include "instance/manager.h"
#include "wire/json_write.h"

/*
 * The wire's Instance. `host` stands in for the view's own when it is not NULL (PUBLIC_HOST=auto):
 * the name the player reached us by, which has passed origin_host_name().
 */
void encode_instance(JsonWriter *w, const InstanceView *view, const char *host);
/*
 * Why it failed, as a player may read it; NULL: it did not. What the engine, a build or the store
 * say may hold host paths, addresses and lines of a Dockerfile: that is for the log.
 */
const char *encode_error_message(const InstanceView *view);
void encode_gone(JsonWriter *w, const InstanceView *view, StopReason reason);
/* {"80":31234} */
void encode_ports(JsonWriter *w, const InstanceView *view);
/* ChallengeInfo; default_timeout_s where the challenge names none. */
void encode_challenge(JsonWriter *w, const Challenge *challenge,
                      const ChallengeReadiness *readiness, int64_t default_timeout_s);
/* "host:port", IPv6 in brackets; in a StrBuf of the caller. */
void encode_address(StrBuf *out, const char *host, unsigned port);
/* Could the same request work a little later? */
bool encode_is_retryable(ErrorCode code);
