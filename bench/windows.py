#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to keep windows: a table of 10 M events gets 1 M more, and each kind of window follows.

    .deps/venv/bin/python bench/windows.py [--rows 10000000,30000000] [--more 1000000] [--rounds 3]

The table is partitioned by hour(event_time) and holds an hour for each 1.67 M events; the new rows are of its last two
minutes, one in a hundred of them up to an hour late. After each of the --rounds commits, in turn: `daypart windows` of
each window, and DuckDB computing the same SELECT anew from the table's Parquet files into a Parquet file, which is what
one does who has no windows. Each is a process of its own. Both results are compared row by row in the end: the rounds
are within the lateness, so they must be equal. Several --rows show what grows with the table.
"""

import argparse
import datetime
import os
import pathlib
import statistics
import sys
import tempfile

import duckdb
import pyarrow.ipc
from process import run_measured

ROOT = pathlib.Path(__file__).resolve().parents[1]
DAYPART = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
START = datetime.datetime(2025, 11, 1, 12, tzinfo=datetime.timezone.utc)
ROWS_PER_HOUR = 10_000_000 / 6
# Lateness is longer than the rounds take, so that no row is too late and both sides have the same rows to count.
SESSIONS = """-- lateness: 2 hours
SELECT viewer_id, window_start, window_end, COUNT(*) AS events, CAST(SUM(watch_seconds) AS BIGINT) AS watch_seconds
FROM media.viewership_stream
GROUP BY viewer_id, session(event_time, INTERVAL '5 minutes')
"""
WINDOWS = {"views_by_region_minute": None, "concurrent_viewers_by_channel": None, "viewing_sessions": SESSIONS}
EVENTS = "read_parquet('{data}/**/*.parquet', hive_partitioning = false)"
# The same questions as somebody puts them to DuckDB.
PEER = {
    "views_by_region_minute": """SELECT region, time_bucket(INTERVAL '1 minute', event_time) AS window_start,
      window_start + INTERVAL '1 minute' AS window_end, COUNT(*) FILTER (WHERE event_type = 'start') AS views,
      COUNT(*) AS events, COUNT(DISTINCT viewer_id) AS viewers, CAST(SUM(watch_seconds) AS BIGINT) AS watch_seconds
      FROM {events} GROUP BY ALL""",
    "concurrent_viewers_by_channel": """SELECT channel_id, window_start, window_start + INTERVAL '5 minutes' AS window_end,
      COUNT(DISTINCT session_id) AS concurrent_viewers FROM (SELECT channel_id, session_id,
      time_bucket(INTERVAL '1 minute', event_time) - to_minutes(unnest(range(5))) AS window_start FROM {events}
      WHERE event_type <> 'stop') GROUP BY ALL""",
    "viewing_sessions": """SELECT viewer_id, MIN(event_time) AS window_start,
      MAX(event_time) + INTERVAL '5 minutes' AS window_end, COUNT(*) AS events,
      CAST(SUM(watch_seconds) AS BIGINT) AS watch_seconds FROM (SELECT *, SUM(is_first) OVER (PARTITION BY viewer_id
      ORDER BY event_time ROWS UNBOUNDED PRECEDING) AS run FROM (SELECT viewer_id, event_time, watch_seconds,
      CASE WHEN event_time - LAG(event_time) OVER (PARTITION BY viewer_id ORDER BY event_time) < INTERVAL '5 minutes'
      THEN 0 ELSE 1 END AS is_first FROM {events})) GROUP BY viewer_id, run""",
}
SETTINGS = "SET TimeZone = 'UTC'; SET threads = 2; SET preserve_insertion_order = false; "


def make(path, rows, first_id, begin, seconds, late):
    """Events evenly over the seconds; a hundredth of them up to an hour late if asked for."""
    time = f"TIMESTAMPTZ '{begin.isoformat()}' + to_microseconds(CAST(i * {seconds * 1e6 / rows} AS BIGINT))"
    if late:
        time += " - CASE WHEN random() < 0.01 THEN to_seconds(floor(random() * 3540)) ELSE to_seconds(0) END"
    duckdb.sql(f"""SET TimeZone = 'UTC'; SELECT setseed(0.5); COPY (SELECT i + {first_id} AS event_id,
      'rnd' || floor(random() * 100000)::INT AS session_id, floor(random() * 200000)::BIGINT AS viewer_id,
      floor(random() * 50)::BIGINT AS channel_id, ['northeast', 'southeast', 'midwest', 'southwest', 'west'][
      1 + floor(random() * 5)::INT] AS region, ['start', 'heartbeat', 'heartbeat', 'pause', 'stop'][
      1 + floor(random() * 5)::INT] AS event_type, {time} AS event_time, floor(random() * 600)::BIGINT AS watch_seconds
      FROM range({rows}) AS r(i)) TO '{path}' (FORMAT parquet)""")


def recompute(name, data):
    """DuckDB in a process of its own: the whole window into NAME.parquet."""
    sql = PEER[name].format(events=EVENTS.format(data=data))
    return run_measured(sys.executable, "-c", f"import duckdb\nduckdb.execute({SETTINGS!r})\n"
                        f"duckdb.execute({f'''COPY ({sql}) TO '{name}.parquet' (FORMAT parquet)'''!r})")


def differing_rows(name):
    """Rows that one of both results has and the other has not, repeated ones counted."""
    rows = run_measured(DAYPART, "query", f"SELECT * FROM media.{name}", "--format", "arrow").output
    kept = pyarrow.ipc.open_stream(rows).read_all()
    both = f"((SELECT * FROM kept EXCEPT ALL SELECT * FROM '{name}.parquet') UNION ALL " \
           f"(SELECT * FROM '{name}.parquet' EXCEPT ALL SELECT * FROM kept))"
    return duckdb.sql(f"SET TimeZone = 'UTC'; SELECT COUNT(*) FROM {both}").fetchone()[0]


def load(path, *options):
    run_measured(DAYPART, "load", "media.viewership_stream", path, *options)


def measure(rows, more, rounds):
    hours = rows / ROWS_PER_HOUR
    run_measured(DAYPART, "init", ".")
    pathlib.Path("sql/windows/viewing_sessions.sql").write_text(SESSIONS, encoding="utf-8")
    make("all.parquet", rows, 0, START, hours * 3600, late=False)
    load("all.parquet", "--partition", "hour(event_time)")
    data = pathlib.Path("lake/media/viewership_stream/data").resolve()
    made = {name: run_measured(DAYPART, "windows", name, "--until-idle") for name in WINDOWS}
    kept, anew = {name: [] for name in WINDOWS}, {name: [] for name in WINDOWS}
    for round_ in range(rounds):
        begin = START + datetime.timedelta(hours=hours, minutes=2 * round_)
        make("more.parquet", more, rows + round_ * more, begin, 120, late=True)
        load("more.parquet")
        for name in WINDOWS:
            kept[name].append(run_measured(DAYPART, "windows", name, "--until-idle"))
            anew[name].append(recompute(name, data))

    def middle(runs, figure):
        return statistics.median(getattr(run, figure) for run in runs)

    print(f"{rows / 1e6:.0f} M rows and {rounds} times {more / 1e6:.1f} M more; medians, peak memory the highest")
    print(f"{'window':30} {'made, CPU s':>11} | {'wall s':>7} {'CPU s':>7} {'MiB':>6} | {'DuckDB wall':>11} {'CPU s':>7} "
          f"{'MiB':>6} | {'wall':>5} {'CPU':>5} | rows that differ")
    for name in WINDOWS:
        ours, theirs = kept[name], anew[name]
        print(f"{name:30} {made[name].cpu:11.2f} | {middle(ours, 'seconds'):7.2f} {middle(ours, 'cpu'):7.2f} "
              f"{max(run.peak for run in ours):6.0f} | {middle(theirs, 'seconds'):11.2f} {middle(theirs, 'cpu'):7.2f} "
              f"{max(run.peak for run in theirs):6.0f} | "
              f"{middle(theirs, 'seconds') / middle(ours, 'seconds'):4.1f}x "
              f"{middle(theirs, 'cpu') / middle(ours, 'cpu'):4.1f}x | {differing_rows(name)}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="10000000", help="of the table before, one or several numbers with commas")
    parser.add_argument("--more", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for rows in arguments.rows.split(","):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            measure(int(rows), arguments.more, arguments.rounds)
            os.chdir("/")


if __name__ == "__main__":
    main()
