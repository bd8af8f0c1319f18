/*
 * ports - the ports a player reaches: what the author listed, matched with what the compose file
 * publishes. Without a list, everything published over TCP.
 */
#pragma once

#include "challenge/challenge.h"
#include "challenge/config.h"

/* Fills challenge->ports; trouble goes to challenge->diags. Needs challenge->plan. */
void ports_resolve(Challenge *challenge, const ConfigPorts *listed);
