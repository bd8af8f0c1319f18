/*
 * fake_engine - a container engine of a few hundred lines on a unix socket: networks, containers,
 * images and the event stream, with the engine's own refusals and, when asked, failures at random.
 *
 * It also keeps watch over what must never happen: two instances on one network, two running
 * containers on one host port, a network removed under a running container.
 *
 * Threads    one per connection; any function from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct FakeEngine FakeEngine;

FakeEngine *fake_engine_new(const char *socket_path);
void fake_engine_free(FakeEngine *fake); /* after the client closed its connections */

/* Of a thousand calls that change something or inspect, so many fail, one way or another. */
void fake_engine_fail(FakeEngine *fake, unsigned per_mille);
/* Is there an image, and may it be asked for? False: image inspections wait. */
void fake_engine_hold_images(FakeEngine *fake, bool hold);
size_t fake_engine_waiting(FakeEngine *fake); /* image inspections that wait */
/* The next starts are refused with "port is already allocated", as often as told. */
void fake_engine_take_ports(FakeEngine *fake, unsigned n);
/* Its storage takes sizes; not `really`: it says so, and refuses them at creation. */
void fake_engine_limit_disks(FakeEngine *fake, bool really);
/* Containers that were created with a size. */
size_t fake_engine_disk_limits(FakeEngine *fake);
/* The container's process ends, with an event. False: it does not run. */
bool fake_engine_kill(FakeEngine *fake, const char *name_or_id);
/* Removes a network behind everyone's back. */
bool fake_engine_lose_network(FakeEngine *fake, const char *name);
/* Attaches a running container of somebody to a network. */
void fake_engine_squat(FakeEngine *fake, const char *network);
void fake_engine_add_network(FakeEngine *fake, const char *name, const char *subnet);

size_t fake_engine_containers(FakeEngine *fake);
size_t fake_engine_networks(FakeEngine *fake);
/* "" while nothing happened that must not. */
const char *fake_engine_violation(FakeEngine *fake);
/* Network of the container, "" when it is not there. */
void fake_engine_network_of(FakeEngine *fake, const char *container, char *ret, size_t size);
