#include "challenge/ports.h"
#include "base/alloc.h"
#include "base/str.h"

#include <stdlib.h>

static const char unreachable_hint[] =
    "add a network without 'internal: true' to the service, or do not publish the port";

/* How a compose service offers a port. */
typedef enum Offer { OFFER_NONE, OFFER_EXPOSED, OFFER_UDP, OFFER_PUBLISHED } Offer;

static Offer offer_of(const PlanService *service, uint16_t port)
{
    Offer best = OFFER_NONE;

    for (size_t i = 0; i < service->n_ports; i++) {
        const PlanPort *p = &service->ports[i];
        Offer offer = !p->published             ? OFFER_EXPOSED
                      : p->protocol == PLAN_UDP ? OFFER_UDP
                                                : OFFER_PUBLISHED;
        if (p->target == port && offer > best)
            best = offer;
    }
    return best;
}

static const PlanService *find_service(const Plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->n_services; i++)
        if (str_eq(plan->services[i].name, name))
            return &plan->services[i];
    return NULL;
}

/* The engine publishes nothing for a container that has internal networks only, or none. */
static bool is_reachable(const Plan *plan, const PlanService *service)
{
    for (size_t i = 0; i < service->n_attachments; i++)
        if (!plan->networks[service->attachments[i].network].internal)
            return true;
    return false;
}

static void add_port(Challenge *challenge, const ConfigPort *listed, uint16_t port,
                     const char *service)
{
    ChallengeProtocol usual = str_eq(challenge->category, "web") ? CHALLENGE_HTTP : CHALLENGE_TCP;
    size_t n = challenge->n_ports++;

    challenge->ports = xrealloc(challenge->ports, challenge->n_ports * sizeof *challenge->ports);
    challenge->ports[n] = (ChallengePort){
        .port = port,
        .protocol = listed && listed->has_protocol ? listed->protocol : usual,
        .label = xstrdup_or_null(listed ? listed->label : NULL),
        .service = xstrdup(service),
    };
}

static bool has_port(const Challenge *challenge, uint16_t port, const char *service)
{
    for (size_t i = 0; i < challenge->n_ports; i++)
        if (challenge->ports[i].port == port && str_eq(challenge->ports[i].service, service))
            return true;
    return false;
}

/* --- listed ports --------------------------------------------------------------------------- */

static DiagAt at(const Challenge *challenge, const ConfigPort *listed)
{
    return (DiagAt){ challenge->config_file, listed->line, listed->column, listed->field };
}

static void refuse(Challenge *challenge, const ConfigPort *listed, const char *code,
                   const char *hint, const char *text)
{
    diag_add(&challenge->diags, DIAG_ERROR, at(challenge, listed), code, hint, "port %u: %s",
             (unsigned)listed->port, text);
}

/* Says why no service publishes it, as precisely as the compose file allows. */
static void refuse_unpublished(Challenge *challenge, const ConfigPort *listed)
{
    const Plan *plan = challenge->plan;
    const char *name = listed->service         ? listed->service
                       : plan->n_services == 1 ? plan->services[0].name
                                               : NULL;
    AUTO_FREE char *hint = NULL;
    Offer best = OFFER_NONE;

    for (size_t i = 0; i < plan->n_services; i++) {
        Offer offer = offer_of(&plan->services[i], listed->port);
        if (offer > best && (!listed->service || str_eq(plan->services[i].name, listed->service))) {
            best = offer;
            name = plan->services[i].name;
        }
    }
    hint = xasprintf("add ports: [\"%u\"] to service '%s' in %s", (unsigned)listed->port,
                     name ? name : "that listens on it", challenge->compose_file);
    if (best == OFFER_UDP)
        refuse(challenge, listed, "port-udp", "publish it over TCP",
               "it is published over UDP only, which is not supported");
    else if (best == OFFER_EXPOSED)
        refuse(challenge, listed, "port-not-published", hint,
               "it is exposed to the other services, not published");
    else
        refuse(challenge, listed, "port-not-published", hint, "no service publishes it");
}

static void match(Challenge *challenge, const ConfigPort *listed)
{
    const Plan *plan = challenge->plan;
    const PlanService *found = NULL;

    if (listed->service && !find_service(plan, listed->service)) {
        refuse(challenge, listed, "unknown-service",
               "name a service of the compose file, or leave the key out",
               "the compose file has no service of this name");
        return;
    }
    for (size_t i = 0; i < plan->n_services; i++) {
        const PlanService *service = &plan->services[i];
        if (listed->service && !str_eq(service->name, listed->service))
            continue;
        if (offer_of(service, listed->port) != OFFER_PUBLISHED)
            continue;
        if (found) {
            refuse(challenge, listed, "port-ambiguous",
                   "write it as a table with service = \"...\"",
                   "more than one service publishes it");
            return;
        }
        found = service;
    }
    if (!found) {
        refuse_unpublished(challenge, listed);
        return;
    }
    if (!is_reachable(plan, found)) {
        refuse(challenge, listed, "port-unreachable", unreachable_hint,
               "its service has no network that leads to players");
        return;
    }
    add_port(challenge, listed, listed->port, found->name);
}

/* --- published ports ------------------------------------------------------------------------ */

static void warn_service(Challenge *challenge, const PlanService *service, uint16_t port,
                         const char *code, const char *hint, const char *text)
{
    AUTO_FREE char *field = xasprintf("services.%s.ports", service->name);
    DiagAt where = { challenge->compose_file, service->line, service->line ? 1 : 0, field };

    diag_add(&challenge->diags, DIAG_WARNING, where, code, hint, "port %u: %s", (unsigned)port,
             text);
}

/* PORT_<n> is named after the number alone, so that a number can lead to one service only. */
static bool number_taken(const Challenge *challenge, uint16_t port)
{
    for (size_t i = 0; i < challenge->n_ports; i++)
        if (challenge->ports[i].port == port)
            return true;
    return false;
}

static void derive(Challenge *challenge, const PlanService *service, uint16_t port)
{
    if (challenge->n_ports >= CONFIG_PORTS_MAX)
        warn_service(challenge, service, port, "too-many-ports", "list the ones players need",
                     "left out; too many ports are published");
    else if (!number_taken(challenge, port))
        add_port(challenge, NULL, port, service->name);
    else if (!has_port(challenge, port, service->name))
        warn_service(challenge, service, port, "port-ambiguous",
                     "list the ports and name their service",
                     "left out; another service publishes the same number");
}

static void read_published(Challenge *challenge, const PlanService *service, bool listed)
{
    for (size_t i = 0; i < service->n_ports; i++) {
        const PlanPort *p = &service->ports[i];
        if (!p->published)
            continue;
        if (p->protocol == PLAN_UDP)
            warn_service(challenge, service, p->target, "port-udp", NULL,
                         "published over UDP, which is not supported yet; left out");
        else if (!is_reachable(challenge->plan, service))
            warn_service(challenge, service, p->target, "port-unreachable", unreachable_hint,
                         "left out; the service has no network that leads to players");
        else if (!listed)
            derive(challenge, service, p->target);
        else if (!has_port(challenge, p->target, service->name))
            warn_service(challenge, service, p->target, "port-not-listed",
                         "add it to ports, or remove it from the compose file",
                         "published but not listed; players cannot reach it");
    }
}

void ports_resolve(Challenge *challenge, const ConfigPorts *listed)
{
    const Plan *plan = challenge->plan;
    size_t n_errors = challenge->diags.n_errors;

    for (size_t i = 0; i < listed->n; i++)
        match(challenge, &listed->items[i]);
    if (listed->damaged || challenge->diags.n_errors > n_errors)
        return; /* what is left out would only repeat it */
    for (size_t i = 0; i < plan->n_services; i++)
        read_published(challenge, &plan->services[i], listed->given);
    if (challenge->n_ports == 0)
        diag_add(&challenge->diags, DIAG_WARNING, (DiagAt){ .file = challenge->compose_file },
                 "no-ports", "publish the port players connect to: ports: [\"80\"]",
                 "no port is published; players have nothing to connect to");
}
