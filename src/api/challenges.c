/* What can be started: /challenges. */
#include "api/context.h"
#include "api/encode.h"
#include "api/routes.h"

static bool is_open(Api *api, const Challenge *challenge, ChallengeReadiness *ret)
{
    if (challenge->broken)
        return false;
    manager_challenge(api->parts.manager, challenge->id, ret);
    return ret->active;
}

HttpOutcome challenges_list(Call *call)
{
    Api *api = call->api;
    AUTO_SNAPSHOT CatalogueSnapshot *snapshot = catalogue_snapshot(api->parts.catalogue);
    JsonWriter w = answer_json(call, 200);

    json_write_object(&w);
    json_write_key(&w, "challenges");
    json_write_array(&w);
    for (size_t i = 0; i < snapshot->n; i++) {
        ChallengeReadiness readiness = { 0 };
        if (is_open(api, snapshot->items[i], &readiness))
            encode_challenge(&w, snapshot->items[i], &readiness,
                             api->parts.settings->instance_timeout);
    }
    json_write_end_array(&w);
    json_write_end_object(&w);
    return HTTP_DONE;
}

/* One that is not open does not exist for players: staged challenges stay secret. */
HttpOutcome challenges_get(Call *call)
{
    Api *api = call->api;
    AUTO_CHALLENGE Challenge *challenge = catalogue_find(api->parts.catalogue, call->arg);
    ChallengeReadiness readiness = { 0 };
    JsonWriter w;

    if (!challenge || !is_open(api, challenge, &readiness)) {
        answer_error(call, 404, error_slug(E_CHALLENGE_NOT_FOUND),
                     error_public_text(E_CHALLENGE_NOT_FOUND));
        return HTTP_DONE;
    }
    w = answer_json(call, 200);
    encode_challenge(&w, challenge, &readiness, api->parts.settings->instance_timeout);
    return HTTP_DONE;
}
