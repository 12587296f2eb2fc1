#!/usr/bin/env python3
"""Writes sqlite_NNN.dump: a store as the program of schema step NNN left it, for each step that has
none yet. Run it after a step was added; a file that is there is never written again, as a released
schema never changes.

    python3 tests/data/stores/make.py
"""
import pathlib
import sqlite3

HERE = pathlib.Path(__file__).resolve().parent
STEPS = sorted((HERE.parents[2] / "store/migrations/sqlite").glob("[0-9]*.sql"))

DAY = 86_400_000
START = 1_767_258_000_000  # 2026-01-01T09:00:00Z
FLOW = "x'01900000000070008000000000000001'"
SCHEDULE = "x'01900000000070008000000000000002'"
OWNER = "x'01900000000070008000000000000009'"


def run_row(number, status, scheduled_for, available_at, attempts, owner, claimed):
    """Runs of the schedule; their ids are those that the program makes of scheduled_for."""
    import uuid
    at = START + scheduled_for * DAY
    text = f"2026-01-{1 + scheduled_for:02d}T09:00:00Z"
    run_id = uuid.uuid5(uuid.UUID("01900000-0000-7000-8000-000000000002"), text)
    ended = at + 50 if status == "completed" else "NULL"
    started = at + 5 if attempts else "NULL"
    body = '{"run":{"id":"%s"},"variables":{"greeting":"Hi"}}' % run_id
    return (
        "INSERT INTO runs (number, id, project_id, flow_id, schedule_id, kind, origin, status, reason,"
        " scheduled_for, due_at, created_at, started_at, finished_at, executor, timeout,"
        " retry_max_attempts, retry_min_backoff, retry_max_backoff, retry_max_age, flow_name,"
        " variables, body, attempts, available_at, owner, fence, error, claimed_at) VALUES"
        f" ({number}, x'{run_id.hex}', 1, {FLOW}, {SCHEDULE}, 'invocation', 'schedule', '{status}', '',"
        f" {at}, {at}, {at}, {started}, {ended}, 'default', NULL, 15, 1000, 300000, 630720000000,"
        f" 'job', '{{\"greeting\":\"Hi\"}}', '{body}', {attempts}, {available_at or 'NULL'},"
        f" {owner or 'NULL'}, {attempts}, '', {claimed or 'NULL'})")


# Rows in the words of the step that first had their tables; later steps carry them on.
ROWS = {
    1: [
        "INSERT INTO flows VALUES (%s, 1, 'job', '', 3, 'active', 'schedule',"
        " '{\"type\":\"schedule\"}', 'null', 'null', 'exit_on_conversion', '[]', '[]', '[]', 'null',"
        " %d, %d, 5)" % (FLOW, START, START),
        "INSERT INTO schedules (id, flow_id, project_id, rrule, starts_at, timezone, variables,"
        " status, status_reason, note, paused_until, dst_gap, dst_fold, catchup, catchup_grace,"
        " catchup_window, overlap, max_running, jitter, late_after, retry_max_attempts,"
        " retry_min_backoff, retry_max_backoff, retry_max_age, timeout, executor, next_run_at,"
        " next_due_at, settled_to, settled_wall, created_at, updated_at, version, revision) VALUES"
        " (%s, %s, 1, 'FREQ=DAILY', %d, 'Europe/Prague', '{\"greeting\":\"Hi\"}', 'active', '', 'kept',"
        " NULL, 'shift', 'auto', 'last', 60000, 86400000, 'allow', 1, 0, 60000, 15, 1000, 300000,"
        " 7200000, NULL, 'default', %d, %d, %d, %d, %d, %d, 4, 6)"
        % (SCHEDULE, FLOW, START, START + 3 * DAY, START + 3 * DAY, START + 2 * DAY,
           START + 2 * DAY + 3_600_000, START, START),
        run_row(1, "completed", 0, None, 1, None, None),
        run_row(2, "dispatching", 1, None, 1, OWNER, START + DAY),  # the daemon was killed over it
        run_row(3, "pending", 2, START + 2 * DAY, 0, None, None),
        "INSERT INTO attempts VALUES (1, 1, %d, %d, 'completed', 200, '')" % (START + 5, START + 50),
        "INSERT INTO attempts VALUES (2, 1, %d, NULL, '', NULL, '')" % (START + DAY),
        "INSERT INTO log_lines VALUES (1, %s, (SELECT id FROM runs WHERE number = 1), %d, 'INFO',"
        " 'attempt 1: completed')" % (FLOW, START + 50),
        "INSERT INTO gaps (schedule_id, from_at, to_at, reason, count, flow_id) VALUES"
        " (%s, %d, %d, 'paused', 2, %s)" % (SCHEDULE, START - 5 * DAY, START - 4 * DAY, FLOW),
        "INSERT INTO tokens VALUES (x'01900000000070008000000000000003', 1, 'deploy',"
        " x'%s', 'hog_flow:read', %d, NULL, NULL, NULL)" % ("ab" * 32, START),
        "UPDATE meta SET revision = 6, runs_revision = 6, runs = 3",
        "UPDATE instance SET epoch = 2, owner = %s, started_at = %d, high_water = %d"
        % (OWNER, START, START + 2 * DAY),
    ],
    3: [
        "INSERT INTO requests VALUES ((SELECT id FROM runs WHERE number = 1), 'digest of what asked')",
    ],
    4: [
        "INSERT INTO calendars VALUES (1, 'holidays', 'shut', '{\"dates\":[\"2026-12-25\"],\"rules\":[]}',"
        " %d, %d, 1)" % (START, START),
        "INSERT INTO audit VALUES (1, %d, 1, 'cli me', 'create', 'flow', '01900000', 'null', '{}')"
        % START,
        "INSERT INTO persons VALUES (x'01900000000070008000000000000004', 1, 'ann', '{}', %d, %d)"
        % (START, START),
    ],
}


def checksum(sql):
    value = 0xCBF29CE484222325
    for byte in sql.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return format(value, "x")


def main():
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE schema_migrations ( version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
                     " checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT")
    for path in STEPS:
        number, name = int(path.stem.split("_")[0]), path.stem.split("_", 1)[1]
        sql = path.read_text()
        database.executescript(sql)
        database.execute("INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
                         (number, name, checksum(sql), START))
        for row in ROWS.get(number, []):
            database.execute(row)
        database.commit()
        target = HERE / f"sqlite_{number:03d}.dump"
        if target.exists():
            continue
        lines = ["PRAGMA application_id = 1920103788;", "PRAGMA foreign_keys = OFF;"]
        target.write_text("\n".join(lines + list(database.iterdump())) + "\n")
        print("wrote", target)


main()
