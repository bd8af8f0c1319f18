#include "base/alloc.h"
#include "base/clock.h"
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

int challenge_images_put(Db *db, const char *challenge_id, const char *revision,
                         const char *service, const char *image_id, Error *err)
{
    return db_exec(db,
                   "INSERT INTO challenge_images (challenge_id, revision, service, image_id,"
                   " created_at) VALUES (?, ?, ?, ?, ?)"
                   " ON CONFLICT (challenge_id, revision, service)"
                   " DO UPDATE SET image_id = excluded.image_id, created_at = excluded.created_at",
                   DB_ARGS(db_text(challenge_id), db_text(revision), db_text(service),
                           db_text(image_id), db_int(clock_wall_us())),
                   err);
}

int challenge_images_get(Db *db, const char *challenge_id, const char *revision,
                         const char *service, char **ret_image_id, Error *err)
{
    AUTO_ROWS DbRows *rows = NULL;

    if (db_query(db,
                 "SELECT image_id FROM challenge_images"
                 " WHERE challenge_id = ? AND revision = ? AND service = ?",
                 DB_ARGS(db_text(challenge_id), db_text(revision), db_text(service)), &rows,
                 err) < 0)
        return -1;
    *ret_image_id = db_rows_count(rows) ? row_text(rows, 0, 0) : NULL;
    return 0;
}
