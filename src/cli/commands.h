/* commands - `whaley COMMAND ...`: one table, help from it. */
#pragma once

/* Returns the exit status: 0 fine, 1 failed, 2 wrong usage. */
int cli_main(int argc, char **argv);
