/* The numbered list of all SQL: schema, settings, statements, and what a statement may touch. */
#include "storage/sql.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>
#include <string.h>

/* Of version 1, byte by byte. */
static const char *const create_old[] = {
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

static const char *const create_segment[] = {
    "CREATE TABLE passage(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " state INTEGER NOT NULL,"
    " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, clock_synchronised INTEGER NOT NULL,"
    " needs_review INTEGER NOT NULL, lane TEXT NOT NULL, camera TEXT NOT NULL, plate TEXT NOT NULL,"
    " folded TEXT NOT NULL, region TEXT NOT NULL, confidence REAL NOT NULL,"
    " n_frames INTEGER NOT NULL,"
    " frame_width INTEGER NOT NULL, frame_height INTEGER NOT NULL, corners BLOB NOT NULL,"
    " candidates BLOB NOT NULL, crop_size INTEGER NOT NULL) STRICT",
    /* `hour` names the key of `sealed`, which authenticates it: a page in the middle of a long
     * value that fails SQLCipher's check reads as zeros, without an error from the statement. */
    "CREATE TABLE crop(number INTEGER PRIMARY KEY, hour INTEGER NOT NULL, sealed BLOB NOT NULL)"
    " STRICT",
    /* One row: how often the file was committed, and the longest passage in it. */
    "CREATE TABLE count(number INTEGER PRIMARY KEY, commits INTEGER NOT NULL,"
    " longest_ms INTEGER NOT NULL) STRICT",
    /* Both times stand in each index, so that a search by time reads table rows only of its
       answers. */
    "CREATE INDEX passage_time ON passage(first_ms, last_ms)",
    "CREATE INDEX passage_lane ON passage(lane, first_ms, last_ms)",
    "CREATE INDEX passage_plate ON passage(plate, first_ms, last_ms)",
    "CREATE INDEX passage_folded ON passage(folded, first_ms, last_ms)",
    "INSERT INTO count(number, commits, longest_ms) VALUES(1, 0, 0)",
    "PRAGMA application_id=1280202564",
    "PRAGMA user_version=2",
    NULL,
};

static const char *const create_ledger[] = {
    "CREATE TABLE record(number INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
    "CREATE TABLE head(number INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
    "CREATE TABLE gap(number INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,"
    " lane TEXT NOT NULL, why TEXT NOT NULL) STRICT",
    "CREATE TABLE cursor(camera TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE honey(id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
    /* How often each live segment was committed, when that was last written down. */
    "CREATE TABLE segment(class INTEGER NOT NULL, day INTEGER NOT NULL, commits INTEGER NOT NULL,"
    " PRIMARY KEY(class, day)) STRICT, WITHOUT ROWID",
    /* Passages on their way out of a segment into another. */
    "CREATE TABLE move(number INTEGER PRIMARY KEY, id BLOB NOT NULL, class INTEGER NOT NULL,"
    " day INTEGER NOT NULL) STRICT",
    "CREATE TABLE note(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX gap_time ON gap(from_ms, to_ms)",
    "PRAGMA application_id=1280202564",
    "PRAGMA user_version=3",
    NULL,
};

const char *const *sql_create(enum sql_schema schema)
{
    assert(schema >= SQL_OLD && schema < SQL_SCHEMAS);
    return schema == SQL_OLD ? create_old : schema == SQL_SEGMENT ? create_segment : create_ledger;
}

const char sql_objects[] = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid";
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

const struct sql_setting *sql_settings_marks(enum sql_schema schema)
{
    static const struct sql_setting marks[SQL_SCHEMAS][3] = {
        [SQL_OLD] = {{NULL, "PRAGMA application_id", "1280202564"},
                     {NULL, "PRAGMA user_version", "1"},
                     {NULL, NULL, NULL}},
        [SQL_SEGMENT] = {{NULL, "PRAGMA application_id", "1280202564"},
                         {NULL, "PRAGMA user_version", "2"},
                         {NULL, NULL, NULL}},
        [SQL_LEDGER] = {{NULL, "PRAGMA application_id", "1280202564"},
                        {NULL, "PRAGMA user_version", "3"},
                        {NULL, NULL, NULL}},
    };
    assert(schema >= SQL_OLD && schema < SQL_SCHEMAS);
    return marks[schema];
}

#define COLUMNS                                                                                    \
    "id, state, first_ms, last_ms, clock_synchronised, needs_review, lane, camera, plate, region," \
    " confidence, n_frames, frame_width, frame_height, corners, candidates, crop_size"
/* No passage of the file is longer than from - begin, so that none before begin reaches from. */
#define FIND_IN(TABLE)                                                                             \
    "SELECT " COLUMNS " FROM " TABLE " WHERE first_ms >= :begin AND first_ms <= :to"               \
    " AND last_ms >= :from"
#define FIND FIND_IN("passage")
/* What a plate decides is looked up among the plates: by the time each row of the days that are
 * asked for would have to be read for its plate. */
#define FIND_PLATE FIND_IN("passage INDEXED BY passage_plate")
#define FIND_FOLDED FIND_IN("passage INDEXED BY passage_folded")
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
    [SQL_PUT_CROP] = "INSERT INTO crop(number, hour, sealed) SELECT number, :hour, :sealed"
                     " FROM passage WHERE id = :id ON CONFLICT(number)"
                     " DO UPDATE SET hour=excluded.hour, sealed=excluded.sealed",
    [SQL_LOCATE] = "SELECT number, state, first_ms, last_ms, crop_size FROM passage WHERE id = :id",
    [SQL_DROP] = "DELETE FROM passage WHERE number = :number",
    [SQL_DROP_CROP] = "DELETE FROM crop WHERE number = :number",
    [SQL_FIND_ANY] = FIND NEWEST_FIRST,
    [SQL_FIND_LANE] = FIND " AND lane = :lane" NEWEST_FIRST,
    [SQL_FIND_PLATE] = FIND_PLATE " AND plate = :plate" OF_LANE NEWEST_FIRST,
    [SQL_FIND_PATTERN] = FIND_PLATE
    " AND plate >= :low AND plate < :high AND plate GLOB :plate" OF_LANE NEWEST_FIRST,
    [SQL_FIND_FOLDED] = FIND_FOLDED " AND folded = :plate" OF_LANE NEWEST_FIRST,
    [SQL_FIND_FOLDED_PATTERN] = FIND_FOLDED
    " AND folded >= :low AND folded < :high AND folded GLOB :plate" OF_LANE NEWEST_FIRST,
    [SQL_FIND_ID] = "SELECT " COLUMNS " FROM passage WHERE id = :id",
    [SQL_CROP] = "SELECT first_ms, hour, sealed FROM passage LEFT JOIN crop USING(number)"
                 " WHERE id = :id",
    [SQL_COUNT_ROWS] = "SELECT count(*), min(first_ms) FROM passage WHERE first_ms >= :begin",
    [SQL_STEP_COUNT] = "UPDATE count SET commits = commits + 1,"
                       " longest_ms = max(longest_ms, :longest) WHERE number = 1",
    [SQL_COUNT_OF] = "SELECT commits, longest_ms FROM count WHERE number = 1",
    [SQL_RECORD] = "INSERT INTO record(number, bytes) VALUES(:number, :bytes)",
    [SQL_RECORDS] = "SELECT number, bytes FROM record WHERE number >= :first ORDER BY number",
    [SQL_HEAD] = "INSERT INTO head(bytes) VALUES(:bytes)",
    [SQL_NEWEST_HEAD] = "SELECT bytes FROM head ORDER BY number DESC LIMIT 1",
    [SQL_GAP] = "INSERT INTO gap(from_ms, to_ms, lane, why) VALUES(:from, :to, :lane, :why)",
    [SQL_GAPS] =
        "SELECT from_ms, to_ms, lane, why FROM gap WHERE from_ms <= :to AND to_ms >= :from" OF_LANE
        " ORDER BY from_ms, number LIMIT :limit",
    [SQL_SET_CURSOR] = ("INSERT INTO cursor(camera, position) VALUES(:camera, :position)"
                        " ON CONFLICT(camera) DO UPDATE SET position=excluded.position"),
    [SQL_CURSOR] = "SELECT position FROM cursor WHERE camera = :camera",
    [SQL_ADD_HONEY] = "INSERT INTO honey(id) VALUES(:id) ON CONFLICT(id) DO NOTHING",
    [SQL_IS_HONEY] = "SELECT 1 FROM honey WHERE id = :id",
    [SQL_SET_COMMITS] = "INSERT INTO segment(class, day, commits) VALUES(:class, :day, :commits)"
                        " ON CONFLICT(class, day) DO UPDATE SET commits=excluded.commits",
    [SQL_COMMITS] = "SELECT class, day, commits FROM segment ORDER BY class, day",
    [SQL_DROP_COMMITS] = "DELETE FROM segment WHERE class = :class AND day = :day",
    [SQL_ADD_MOVE] = "INSERT INTO move(id, class, day) VALUES(:id, :class, :day)",
    [SQL_MOVES] = "SELECT id, class, day FROM move ORDER BY number",
    [SQL_DROP_MOVES] = "DELETE FROM move",
    [SQL_SET_NOTE] = "INSERT INTO note(name, value) VALUES(:name, :value)"
                     " ON CONFLICT(name) DO UPDATE SET value=excluded.value",
    [SQL_NOTE] = "SELECT value FROM note WHERE name = :name",
    [SQL_OLD_PASSAGE] = "SELECT " COLUMNS ", passage.number, digest, jpeg FROM passage"
                        " LEFT JOIN crop USING(number) WHERE passage.number > :after"
                        " ORDER BY passage.number LIMIT 1",
    [SQL_OLD_LOOK] = "SELECT number, at_ms, uid, user, reason, case_number, kind, plate,"
                     " look_alike, lane, from_ms, to_ms, most, id, n_answered FROM look"
                     " WHERE number > :after ORDER BY number LIMIT 1",
    [SQL_OLD_GAP] = "SELECT number, from_ms, to_ms, lane, why FROM gap WHERE number > :after"
                    " ORDER BY number LIMIT 1",
    [SQL_OLD_CURSOR] = "SELECT camera, position FROM cursor WHERE camera > :camera"
                       " ORDER BY camera LIMIT 1",
};

const char *sql_text(enum sql number)
{
    assert(number < SQL_COUNT);
    return texts[number];
}

bool sql_belongs(enum sql number, enum sql_schema schema)
{
    assert(number < SQL_COUNT);
    if (number < SQL_PUT)
        return true;
    enum sql_schema of = number < SQL_RECORD        ? SQL_SEGMENT
                         : number < SQL_OLD_PASSAGE ? SQL_LEDGER
                                                    : SQL_OLD;
    return of == schema;
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
    static const char *const tables[] = {"passage", "crop",  "count",  "look", "gap",
                                         "cursor",  "honey", "record", "head", "segment",
                                         "move",    "note",  NULL};
    static const char *const updated[] = {"passage", "crop", "count", "cursor",
                                          "segment", "note", NULL};
    static const char *const dropped[] = {"passage", "crop", "segment", "move", NULL};
    static const char *const functions[] = {"count", "min", "max", "glob", "iif", NULL};
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
    case SQLITE_DELETE:
        return building && among(first, dropped);
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
