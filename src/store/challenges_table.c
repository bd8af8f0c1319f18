#include "base/alloc.h"
#include "store/row_text.h"
#include "store/tables.h"

#include <stdlib.h>

void challenge_settings_rows_fini(ChallengeSettingsRows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->items[i].challenge_id);
        free(rows->items[i].max_memory);
        free(rows->items[i].max_cpu);
    }
    free(rows->items);
    *rows = (ChallengeSettingsRows){ 0 };
}

int challenge_settings_all(Db *db, ChallengeSettingsRows *ret, Error *err)
{
    AUTO_ROWS DbRows *rows = NULL;
    size_t n;

    if (db_query(db,
                 "SELECT challenge_id, max_memory, max_cpu, is_active FROM challenge_settings"
                 " ORDER BY challenge_id",
                 DB_NO_ARGS, &rows, err) < 0)
        return -1;
    n = db_rows_count(rows);
    *ret = (ChallengeSettingsRows){ xcalloc(n + 1, sizeof(ChallengeSettingsRow)), n };
    for (size_t r = 0; r < n; r++)
        ret->items[r] = (ChallengeSettingsRow){
            .challenge_id = row_text(rows, r, 0),
            .max_memory = row_text(rows, r, 1),
            .max_cpu = row_text(rows, r, 2),
            .is_active = db_rows_int(rows, r, 3) != 0,
        };
    return 0;
}
