#include "base/check.h"
#include "base/clock.h"
#include "store/datetime.h"
#include "store/row_text.h"
#include "store/tables.h"

int event_logs_add(Db *db, const EventRow *row, Error *err)
{
    char now[DATETIME_SIZE];

    check(row->event_type);
    return db_exec(db,
                   "INSERT INTO event_logs (timestamp, event_type, user_id, username, team_id,"
                   " instance_id, challenge_id, ports_json, public_url, message, details_json,"
                   " ip_address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   DB_ARGS(db_text(datetime_format(clock_wall_us(), now)), db_text(row->event_type),
                           db_text(row->user_id), db_text(row->username), db_text(row->team_id),
                           db_text(row->instance_id), db_text(row->challenge_id),
                           db_text(row->ports_json), db_text(row->public_url),
                           db_text(or_empty(row->message)), db_text(row->details_json),
                           db_text(row->ip_address)),
                   err);
}
