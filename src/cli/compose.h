/*
 * compose - `whaley compose config FILE` shows what a compose file means to Whaley; `whaley compose
 * keys` prints docs/compose.md.
 */
#pragma once

/* Exit status: 0 fine, 1 the file is refused, 2 wrong usage. argv[0] is "compose". */
int cli_compose(int argc, char **argv);
