/* config - `whaley config`: every setting, its value, where it came from and its default. */
#pragma once

/* argv[0] is "config". Returns the exit status: 0, 1 (settings are bad) or 2 (usage). */
int cli_config(int argc, char **argv);
