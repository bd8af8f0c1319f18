#include "challenge/challenge.h"
#include "base/alloc.h"
#include "base/check.h"
#include "challenge/build.h"
#include "challenge/config.h"
#include "model/ids.h"

#include <stdlib.h>

Challenge *challenge_new(const char *path, const char *folder)
{
    Challenge *challenge = xnew(Challenge);

    atomic_init(&challenge->refs, 1);
    challenge->id = ids_is_challenge(folder) ? xstrdup(folder)
                                             : ids_slug(folder, CHALLENGE_ID_MAX, "challenge");
    challenge->name = xstrdup(folder);
    challenge->category = xstrdup("misc");
    challenge->folder = xstrdup(folder);
    challenge->path = xstrdup(path);
    challenge->revision = xstrdup("");
    challenge->extend_time_s = CONFIG_EXTEND_DEFAULT_S;
    challenge->ready = CHALLENGE_READY_LISTENING;
    challenge->flag_used = FLAG_NONE;
    return challenge;
}

Challenge *challenge_new_broken(const char *path, const char *folder, const Error *why)
{
    Challenge *challenge = challenge_new(path, folder);

    challenge->broken = true;
    diag_add(&challenge->diags, DIAG_ERROR, (DiagAt){ .file = "." }, "unreadable",
             "make the folder readable for Whaley", "%s", why->detail);
    return challenge;
}

Challenge *challenge_ref(Challenge *challenge)
{
    unsigned before = atomic_fetch_add_explicit(&challenge->refs, 1, memory_order_relaxed);

    check(before > 0);
    return challenge;
}

static void free_texts(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
}

void challenge_unref(Challenge *challenge)
{
    if (!challenge || atomic_fetch_sub_explicit(&challenge->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < challenge->n_ports; i++) {
        free(challenge->ports[i].label);
        free(challenge->ports[i].service);
    }
    free(challenge->ports);
    free_texts(challenge->profiles, challenge->n_profiles);
    free_texts(challenge->allow_capabilities, challenge->n_allow_capabilities);
    free_texts(challenge->allow_devices, challenge->n_allow_devices);
    free(challenge->id);
    free(challenge->name);
    free(challenge->category);
    free(challenge->description);
    free(challenge->folder);
    free(challenge->path);
    free(challenge->config_file);
    free(challenge->compose_file);
    free(challenge->revision);
    plan_free(challenge->plan);
    diag_list_fini(&challenge->diags);
    free(challenge);
}

const char *challenge_protocol_name(ChallengeProtocol protocol)
{
    static const char *const names[] = {
        [CHALLENGE_HTTP] = "http", [CHALLENGE_TCP] = "tcp", [CHALLENGE_TLS] = "tls",
        [CHALLENGE_SSH] = "ssh",   [CHALLENGE_RAW] = "raw",
    };

    return names[protocol];
}
