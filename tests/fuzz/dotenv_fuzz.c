/* Any bytes as a `.env` file: every entry is a key with a value, lines only grow. */
#include "base/check.h"
#include "base/macros.h"
#include "settings/dotenv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_DOTENV Dotenv dotenv = { 0 };
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_FREE char *text = calloc(1, size + 1);
    int line = 0;

    check(text);
    if (size)
        memcpy(text, data, size);
    dotenv_parse(&dotenv, text, ".env", &diags);
    for (size_t i = 0; i < dotenv.n; i++) {
        check(*dotenv.items[i].key && dotenv.items[i].value);
        check(dotenv.items[i].line > line);
        line = dotenv.items[i].line;
    }
    return 0;
}
