# SPDX-License-Identifier: Apache-2.0
"""Windows commit by commit, with expected rows worked out by hand: late rows, corrections, rows after the lateness.

Each case says what its windows hold after its last step. A step is rows (one commit) or a statement; the windows are
brought up to date after each, so that all steps but the first go on from what was there. Times are of one day, UTC.
"""

import datetime
import json
import os
import subprocess
import typing

import pytest

DAYPART = os.environ.get("DAYPART", "build/daypart")
DAY = "2025-11-01"
COLUMNS = "region VARCHAR, viewer VARCHAR, kind VARCHAR, seconds BIGINT, at TIMESTAMPTZ"


class Case(typing.NamedTuple):
    """What is declared, what comes, what is to be there in the end."""

    lateness: str
    select: str
    steps: list
    windows: list  # without window_end
    late: list = []  # (viewer, begin of the first window that it missed, windows missed)


CASES = {
    "tumble": Case("10 minutes", """SELECT region, window_start, window_end, COUNT(*) AS n,
        COUNT(*) FILTER (WHERE kind = 'start') AS starts, SUM(seconds)::BIGINT AS total, MIN(seconds) AS least,
        MAX(e.at) AS newest, COUNT(DISTINCT viewer) AS viewers
        FROM media.events AS e GROUP BY region, tumble(at, INTERVAL '5 minutes')""", [
        [("north", "v1", "start", 10, "12:01"), ("north", "v2", "beat", None, "12:02"),
         ("south", "v1", "start", 5, "12:06")],
        # v1 of north comes again and is one viewer; the watermark becomes 12:09.
        [("north", "v1", "beat", 7, "12:03"), ("north", "v3", "start", None, "12:04"),
         (None, "v9", "beat", None, "12:07"), ("south", "v2", "beat", 1, "12:09")],
        # 12:16: what ends until 12:06 is final.
        [(None, "v9", "start", 4, "12:08"), ("south", "v1", "beat", 2, "12:06:30"),
         ("north", "v1", "start", 100, "12:16")],
        # The first is too late by two minutes, the second is the first instant of its window.
        [("north", "v5", "start", 1, "12:04:59"), ("south", "v3", "beat", 3, "12:05")]],
        [(None, "12:05", 2, 1, 4, 4, "12:08", 1), ("north", "12:00", 4, 2, 17, 7, "12:04", 3),
         ("north", "12:15", 1, 1, 100, 100, "12:16", 1), ("south", "12:05", 4, 1, 11, 1, "12:09", 3)],
        [("v5", "12:00", 1)]),
    "hop": Case("2 minutes", """SELECT region, window_start, window_end, COUNT(DISTINCT viewer) AS viewers,
        COUNT(*) AS n FROM media.events GROUP BY region, hop(at, INTERVAL '1 minute', INTERVAL '3 minutes')""", [
        # 11:58 {v1}, 11:59 {v1 v2}, 12:00 {v1 v2}, 12:01 {v2}
        [("a", "v1", "", 0, "12:00:30"), ("a", "v2", "", 0, "12:01:10")],
        # 11:58 {v1 v3}, 11:59 {v1 v2 v3} of 4, 12:00 {v1 v2 v3} of 5, 12:01 {v1 v2} of 3, 12:02 {v1}
        [("a", "v1", "", 0, "12:01:50"), ("a", "v1", "", 0, "12:02:00"), ("a", "v3", "", 0, "12:00:00")],
        # 12:02 {v1 v4}, 12:03 {v4}, 12:04 {v4}; what ends until 12:02:30 is final.
        [("a", "v4", "", 0, "12:04:30")],
        # Too late for 11:58 and 11:59, in time for 12:00, which knows v2; the other too late for all.
        [("a", "v2", "", 0, "12:00:50"), ("a", "v5", "", 0, "11:50:00")]],
        [("a", "11:58", 2, 2), ("a", "11:59", 3, 4), ("a", "12:00", 3, 6), ("a", "12:01", 2, 3), ("a", "12:02", 2, 2),
         ("a", "12:03", 1, 1), ("a", "12:04", 1, 1)],
        [("v2", "11:58", 2), ("v5", "11:48", 3)]),
    "hop of a filter": Case("1 hour", """SELECT window_start, window_end,
        COUNT(DISTINCT viewer) FILTER (WHERE kind <> 'stop') AS viewers, MAX(seconds) AS longest
        FROM media.events WHERE seconds < 100 GROUP BY hop(at, INTERVAL '2 minutes', INTERVAL '3 minutes')""", [
        # 12:01 is in [11:58, 12:01) no more: in [12:00, 12:03) only. 12:02:59 is in both 12:00 and 12:02.
        [(None, "v1", "play", 5, "12:01"), (None, "v2", "stop", 9, "12:02:59"), (None, None, "play", 1, "12:02")],
        # v2 plays now; v3 is beyond the WHERE.
        [(None, "v2", "play", 2, "12:02:30"), (None, "v1", "play", 7, "12:02:30"), (None, "v3", "play", 100, "12:02")]],
        [("12:00", 2, 9), ("12:02", 2, 9)]),
    "session": Case("10 minutes", """SELECT viewer, window_start, window_end, COUNT(*) AS n,
        CAST(SUM(seconds) AS BIGINT) AS total, MIN(e.at) AS first_at, MAX(seconds) AS most
        FROM media.events AS e GROUP BY viewer, session(at, INTERVAL '5 minutes')""", [
        # v1 [12:00, 12:09) of 2 and [12:12, 12:17); v2 [12:10, 12:15)
        [("a", "v1", "", 1, "12:00"), ("a", "v1", "", 2, "12:04"), ("a", "v1", "", 4, "12:12"),
         ("a", "v2", "", 1, "12:10")],
        # 12:08 makes v1's two one. v2 comes after just the gap: a session of its own.
        [("a", "v1", "", 8, "12:08"), ("a", "v2", "", 2, "12:15")],
        [("a", "v3", "", 1, "12:25")],  # what ends until 12:15 is final
        # Of v1's that is still open; v2's first has ended just at 12:15; v3 began earlier.
        [("a", "v1", "", 16, "12:01"), ("a", "v2", "", 4, "12:09"), ("a", "v3", "", 2, "12:22")]],
        [("v1", "12:00", 5, 31, "12:00", 16), ("v2", "12:10", 1, 1, "12:10", 1), ("v2", "12:15", 1, 2, "12:15", 2),
         ("v3", "12:22", 2, 3, "12:22", 2)],
        [("v2", "12:09", 1)]),
    "session of all": Case("1 hour", """SELECT window_start, window_end, COUNT(*) AS n, SUM(seconds)::BIGINT AS total
        FROM media.events GROUP BY session(at, INTERVAL '5 minutes')""", [
        [("a", "v1", "", 1, "12:00"), ("a", "v2", "", 2, "12:20"), ("a", "v2", "", 4, "12:40")],
        [("a", "v1", "", 8, "12:16"), ("a", "v3", "", 16, "12:24"), ("a", "v3", "", 32, "12:05")]],
        [("12:00", 1, 1), ("12:05", 1, 32), ("12:16", 3, 26), ("12:40", 1, 4)]),
    "session with its viewers": Case("1 hour", """SELECT region, window_start, window_end,
        COUNT(DISTINCT viewer) AS viewers FROM media.events GROUP BY region, session(at, INTERVAL '5 minutes')""", [
        [("a", "v1", "", 1, "12:00"), ("a", "v2", "", 2, "12:06")],
        [("a", "v1", "", 8, "12:03")]],
        [("a", "12:00", 2)]),
    "corrections": Case("1 hour", """SELECT region, window_start, window_end, COUNT(*) AS n,
        SUM(seconds)::BIGINT AS total, COUNT(DISTINCT viewer) AS viewers
        FROM media.events GROUP BY region, tumble(at, INTERVAL '5 minutes')""", [
        [("a", "v1", "", 10, "12:01"), ("a", "v2", "", 20, "12:02"), ("b", "v1", "", 5, "12:03")],
        "UPDATE media.events SET seconds = 100 WHERE viewer = 'v1' AND region = 'a'",  # a: 2, 120, 2
        [("a", "v2", "", 1, "12:04")],  # a: 3, 121, 2
        "DELETE FROM media.events WHERE viewer = 'v2'",  # a: 1, 100, 1
        [("a", "v2", "", 7, "12:00"), ("b", "v3", "", 1, "12:04")],  # a: 2, 107, 2; b: 2, 6, 2
        "DELETE FROM media.events WHERE region = 'b'"],
        [("a", "12:00", 2, 107, 2)]),
    "corrected sessions": Case("1 hour", """SELECT viewer, window_start, window_end, COUNT(*) AS n,
        MAX(seconds) AS most FROM media.events GROUP BY viewer, session(at, INTERVAL '5 minutes')""", [
        [("a", "v1", "", 1, "12:00"), ("a", "v1", "", 9, "12:04"), ("a", "v1", "", 3, "12:08")],  # one
        "DELETE FROM media.events WHERE seconds = 9",  # two
        [("a", "v1", "", 2, "12:11")],  # the second goes on
        [("a", "v1", "", 4, "11:56")]],  # the first begins earlier
        [("v1", "11:56", 2, 4), ("v1", "12:08", 2, 3)]),
    "an average, HAVING": Case("1 hour", """SELECT region, window_start, window_end, AVG(seconds) AS mean, COUNT(*) AS n
        FROM media.events GROUP BY region, tumble(at, INTERVAL '5 minutes') HAVING COUNT(*) > 1""", [
        [("a", "v1", "", 10, "12:01"), ("b", "v1", "", 1, "12:01")],  # none
        [("a", "v1", "", 20, "12:02")],
        [("a", "v1", "", 30, "12:03"), ("b", "v1", "", 3, "12:04")]],
        [("a", "12:00", 20.0, 3), ("b", "12:00", 2.0, 2)]),
    "days that begin at six": Case("1 day", """SELECT region, window_start, window_end, SUM(seconds)::DECIMAL(20, 2) AS n
        FROM media.events GROUP BY region, tumble(at, INTERVAL '6 hours', INTERVAL '5 hours')""", [
        [("a", "v1", "", 1, "10:59:59"), ("a", "v1", "", 2, "11:00")],
        [("a", "v1", "", 4, "11:00"), ("a", "v1", "", 8, "05:00"), ("a", "v1", "", -16, "16:59:59")]],
        [("a", "05:00", 9.0), ("a", "11:00", -10.0)]),
}


def run(lake, *words):
    done = subprocess.run([DAYPART, *words], cwd=lake, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else f"'{value}'"


def insert(rows):
    values = ", ".join("(" + ", ".join(map(literal, row[:-1])) + f", TIMESTAMPTZ '{DAY} {(row[-1] + ':00')[:8]}+00')" for row in rows)
    return "INSERT INTO media.events VALUES " + values


def shown(value):
    """A value of an answer as a case writes it."""
    if isinstance(value, str) and value.startswith(DAY):
        time = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        return time.strftime("%H:%M:%S" if time.second else "%H:%M")
    return float(value) if isinstance(value, str) and value.lstrip("-").replace(".", "").isdigit() else value


def rows_of(lake, sql):
    text = run(lake, "query", sql, "--format", "json")
    return [tuple(map(shown, row.values())) for row in json.loads(text)]


@pytest.mark.parametrize("name", CASES)
def test_windows_hold_what_was_worked_out_by_hand(tmp_path, name):
    case = CASES[name]
    run(tmp_path, "init", "lake")
    lake = tmp_path / "lake"
    for path in (lake / "sql" / "windows").iterdir():
        path.unlink()
    (lake / "sql" / "windows" / "w.sql").write_text(f"-- lateness: {case.lateness}\n{case.select}\n", encoding="utf-8")
    run(lake, "query", "--write", f"CREATE TABLE media.events ({COLUMNS})")
    for step in case.steps:
        run(lake, "query", "--write", step if isinstance(step, str) else insert(step))
        run(lake, "windows", "--until-idle")
    assert rows_of(lake, "SELECT * EXCLUDE (window_end) FROM media.w ORDER BY ALL NULLS FIRST") == case.windows
    if case.late:
        late = rows_of(lake, "SELECT viewer, window_start, late_windows FROM media.w_late ORDER BY viewer")
        assert late == case.late
    told = json.loads(run(lake, "--json", "windows"))[0]
    assert told["late_rows"] == len(case.late)
