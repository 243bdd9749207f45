/* The numbered list of all SQL: schema, settings, statements, and what a statement may touch. */
#include "storage/sql.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>
#include <string.h>

const char *const sql_create[] = {
    "CREATE TABLE passage(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " state INTEGER NOT NULL,"
    " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, clock_synchronised INTEGER NOT NULL,"
    " needs_review INTEGER NOT NULL, lane TEXT NOT NULL, camera TEXT NOT NULL, plate TEXT NOT NULL,"
    " folded TEXT NOT NULL, region TEXT NOT NULL, confidence REAL NOT NULL,"
    " n_frames INTEGER NOT NULL,"
    " frame_width INTEGER NOT NULL, frame_height INTEGER NOT NULL, corners BLOB NOT NULL,"
    " candidates BLOB NOT NULL, crop_size INTEGER NOT NULL) STRICT",
    /* The digest is of jpeg: a page in the middle of a long value that fails SQLCipher's check
     * reads as zeros, without an error from the statement that read it. */
    "CREATE TABLE crop(number INTEGER PRIMARY KEY REFERENCES passage(number) ON DELETE CASCADE,"
    " digest BLOB NOT NULL, jpeg BLOB NOT NULL) STRICT",
    "CREATE TABLE look(number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " user TEXT NOT NULL, reason TEXT NOT NULL, case_number TEXT NOT NULL, kind TEXT NOT NULL,"
    " plate TEXT NOT NULL, look_alike INTEGER NOT NULL, lane TEXT NOT NULL,"
    " from_ms INTEGER NOT NULL,"
    " to_ms INTEGER NOT NULL, most INTEGER NOT NULL, id BLOB NOT NULL, n_answered INTEGER NOT NULL)"
    " STRICT",
    "CREATE TABLE gap(number INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,"
    " lane TEXT NOT NULL, why TEXT NOT NULL) STRICT",
    "CREATE TABLE cursor(camera TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT, WITHOUT ROWID",
    /* Both times stand in each index, so that a search by time reads table rows only of its
       answers. */
    "CREATE INDEX passage_time ON passage(first_ms, last_ms)",
    "CREATE INDEX passage_lane ON passage(lane, first_ms, last_ms)",
    "CREATE INDEX passage_plate ON passage(plate, first_ms, last_ms)",
    "CREATE INDEX passage_folded ON passage(folded, first_ms, last_ms)",
    "CREATE INDEX gap_time ON gap(from_ms, to_ms)",
    "PRAGMA application_id=1280202564",
    "PRAGMA user_version=1",
    NULL,
};

const char sql_schema[] = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid";
const char sql_cipher_version[] = "PRAGMA cipher_version";
const char sql_integrity[] = "PRAGMA integrity_check(1)";
const char sql_cipher_check[] = "PRAGMA cipher_integrity_check";

const struct sql_setting sql_settings_cipher[] = {
    /* It writes to stderr by default. */
    {"PRAGMA cipher_log=off", "PRAGMA cipher_log_level=NONE", "NONE"},
    {NULL, "PRAGMA cipher_page_size", "4096"},
    {NULL, "PRAGMA cipher_use_hmac", "1"},
    {NULL, "PRAGMA cipher_hmac_algorithm", "HMAC_SHA512"},
    {NULL, "PRAGMA cipher_plaintext_header_size", "0"},
    {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA locking_mode", "exclusive"},
    {"PRAGMA trusted_schema=OFF", "PRAGMA trusted_schema", "0"},
    {"PRAGMA cell_size_check=ON", "PRAGMA cell_size_check", "1"},
    {"PRAGMA mmap_size=0", "PRAGMA mmap_size", "0"},
    {"PRAGMA temp_store=MEMORY", "PRAGMA temp_store", "2"},
    {NULL, NULL, NULL},
};

const struct sql_setting sql_settings[] = {
    {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"},
    {"PRAGMA synchronous=FULL", "PRAGMA synchronous", "2"},
    {"PRAGMA secure_delete=ON", "PRAGMA secure_delete", "1"},
    {"PRAGMA foreign_keys=ON", "PRAGMA foreign_keys", "1"},
    {"PRAGMA automatic_index=OFF", "PRAGMA automatic_index", "0"},
    {"PRAGMA cache_size=-8192", "PRAGMA cache_size", "-8192"},                     /* 8 MiB */
    {"PRAGMA wal_autocheckpoint=1000", "PRAGMA wal_autocheckpoint", "1000"},       /* pages: 4 MB */
    {"PRAGMA journal_size_limit=8388608", "PRAGMA journal_size_limit", "8388608"}, /* bytes */
    {NULL, NULL, NULL},
};

const struct sql_setting sql_settings_marks[] = {
    {NULL, "PRAGMA application_id", "1280202564"},
    {NULL, "PRAGMA user_version", "1"},
    {NULL, NULL, NULL},
};

#define COLUMNS                                                                                    \
    "id, state, first_ms, last_ms, clock_synchronised, needs_review, lane, camera, plate, region," \
    " confidence, n_frames, frame_width, frame_height, corners, candidates, crop_size"
#define FIND "SELECT " COLUMNS " FROM passage WHERE first_ms <= :to AND last_ms >= :from"
#define OF_LANE " AND (:lane = '' OR lane = :lane)"
#define NEWEST_FIRST " ORDER BY first_ms DESC, last_ms DESC, number DESC LIMIT :limit"

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    /* An older state, or an older report of the same state, changes nothing. A row without a crop
       keeps the one there. */
    [SQL_PUT] =
        "INSERT INTO passage(" COLUMNS ", folded) VALUES(:id, :state, :first_ms, :last_ms,"
        " :clock_synchronised, :needs_review, :lane, :camera, :plate, :region, :confidence,"
        " :n_frames, :frame_width, :frame_height, :corners, :candidates, :crop_size, :folded)"
        " ON CONFLICT(id) DO UPDATE SET state=excluded.state, first_ms=excluded.first_ms,"
        " last_ms=excluded.last_ms, clock_synchronised=excluded.clock_synchronised,"
        " needs_review=excluded.needs_review, lane=excluded.lane, camera=excluded.camera,"
        " plate=excluded.plate, folded=excluded.folded, region=excluded.region,"
        " confidence=excluded.confidence, n_frames=excluded.n_frames,"
        " frame_width=excluded.frame_width, frame_height=excluded.frame_height,"
        " corners=excluded.corners, candidates=excluded.candidates,"
        " crop_size=iif(excluded.crop_size > 0, excluded.crop_size, crop_size)"
        " WHERE excluded.state > state OR (excluded.state = state AND excluded.last_ms >= last_ms)",
    [SQL_PUT_CROP] =
        "INSERT INTO crop(number, digest, jpeg) SELECT number, :digest, :jpeg FROM passage"
        " WHERE id = :id"
        " ON CONFLICT(number) DO UPDATE SET digest=excluded.digest, jpeg=excluded.jpeg",
    [SQL_FIND_ANY] = FIND NEWEST_FIRST,
    [SQL_FIND_LANE] = FIND " AND lane = :lane" NEWEST_FIRST,
    [SQL_FIND_PLATE] = FIND " AND plate = :plate" OF_LANE NEWEST_FIRST,
    [SQL_FIND_PATTERN] =
        FIND " AND plate >= :low AND plate < :high AND plate GLOB :plate" OF_LANE NEWEST_FIRST,
    [SQL_FIND_FOLDED] = FIND " AND folded = :plate" OF_LANE NEWEST_FIRST,
    [SQL_FIND_FOLDED_PATTERN] =
        FIND " AND folded >= :low AND folded < :high AND folded GLOB :plate" OF_LANE NEWEST_FIRST,
    [SQL_CROP] =
        "SELECT digest, jpeg FROM crop WHERE number = (SELECT number FROM passage WHERE id = :id)",
    [SQL_STATS] = "SELECT count(*), min(first_ms) FROM passage",
    [SQL_LOOK] =
        "INSERT INTO look(at_ms, uid, user, reason, case_number, kind, plate, look_alike, lane,"
        " from_ms, to_ms, most, id, n_answered) VALUES(:at_ms, :uid, :user, :reason,"
        " :case_number, :kind, :plate, :look_alike, :lane, :from, :to, :limit, :id,"
        " :n_answered)",
    [SQL_GAP] = "INSERT INTO gap(from_ms, to_ms, lane, why) VALUES(:from, :to, :lane, :why)",
    [SQL_GAPS] =
        "SELECT from_ms, to_ms, lane, why FROM gap WHERE from_ms <= :to AND to_ms >= :from" OF_LANE
        " ORDER BY from_ms, number LIMIT :limit",
    [SQL_SET_CURSOR] = ("INSERT INTO cursor(camera, position) VALUES(:camera, :position)"
                        " ON CONFLICT(camera) DO UPDATE SET position=excluded.position"),
    [SQL_CURSOR] = "SELECT position FROM cursor WHERE camera = :camera",
};

const char *sql_text(enum sql number)
{
    assert(number < SQL_COUNT);
    return texts[number];
}

static bool among(const char *text, const char *const *list)
{
    for (; text != NULL && *list != NULL; list++)
        if (strcmp(text, *list) == 0)
            return true;
    return false;
}

bool sql_allowed(int action, const char *first, const char *second, bool building)
{
    static const char *const tables[] = {"passage", "crop", "look", "gap", "cursor", NULL};
    static const char *const updated[] = {"passage", "crop", "cursor", NULL};
    static const char *const functions[] = {"count", "min", "glob", "iif", NULL};
    static const char *const schema[] = {"sqlite_master", "sqlite_schema", NULL};

    switch (action) {
    case SQLITE_SELECT:
        return true;
    case SQLITE_READ:
        return among(first, tables) || (building && among(first, schema));
    case SQLITE_INSERT:
        return among(first, tables) || (building && among(first, schema));
    case SQLITE_UPDATE:
        return among(first, updated) || (building && among(first, schema));
    case SQLITE_TRANSACTION:
        return true;
    case SQLITE_FUNCTION:
        return among(second, functions);
    case SQLITE_PRAGMA:
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_INDEX:
    case SQLITE_REINDEX:
        return building;
    default:
        return false;
    }
}
