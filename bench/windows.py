#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to keep windows: a table of 10 M events gets 1 M more, and each kind of window follows.

    .deps/venv/bin/python bench/windows.py [--rows 10000000] [--more 1000000] [--rounds 3]

The table is partitioned by hour(event_time) and holds six hours; the new rows are of its last two minutes, one in a
hundred of them up to an hour late. Each window is kept by a `daypart windows` of its own, a whole process: wall and CPU
seconds of making the table from all rows first, then of following each of the --rounds commits. Beside it the same
SELECT over all rows, by DuckDB from the same files, is what computing the table anew would cost.
"""

import argparse
import datetime
import os
import pathlib
import statistics
import tempfile

import duckdb
from process import run_measured

ROOT = pathlib.Path(__file__).resolve().parents[1]
DAYPART = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
START = datetime.datetime(2025, 11, 1, 12, tzinfo=datetime.timezone.utc)
WINDOWS = {"views_by_region_minute": None, "concurrent_viewers_by_channel": None,
           "viewing_sessions": """-- lateness: 1 hour
SELECT viewer_id, window_start, window_end, COUNT(*) AS events, CAST(SUM(watch_seconds) AS BIGINT) AS watch_seconds
FROM media.viewership_stream
GROUP BY viewer_id, session(event_time, INTERVAL '5 minutes')
"""}


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--more", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run_measured(DAYPART, "init", ".")
        for name, text in WINDOWS.items():
            if text is not None:
                pathlib.Path("sql/windows", name + ".sql").write_text(text, encoding="utf-8")
        make("all.parquet", arguments.rows, 0, START, 6 * 3600, late=False)
        load = ("load", "media.viewership_stream")
        run_measured(DAYPART, *load, "all.parquet", "--partition", "hour(event_time)")
        made = {name: run_measured(DAYPART, "windows", name, "--until-idle") for name in WINDOWS}
        followed = {name: [] for name in WINDOWS}
        for round_ in range(arguments.rounds):
            begin = START + datetime.timedelta(hours=6, minutes=2 * round_)
            make("more.parquet", arguments.more, arguments.rows + round_ * arguments.more, begin, 120, late=True)
            run_measured(DAYPART, *load, "more.parquet")
            for name in WINDOWS:
                followed[name].append(run_measured(DAYPART, "windows", name, "--until-idle"))
        print(f"{'window':32} {'anew, CPU s':>12} {'a commit, wall s':>17} {'CPU s':>7} {'peak MiB':>9}")
        for name, runs in followed.items():
            print(f"{name:32} {made[name].cpu:12.2f} {statistics.median(run.seconds for run in runs):17.2f} "
                  f"{statistics.median(run.cpu for run in runs):7.2f} {max(run.peak for run in runs):9.0f}")


if __name__ == "__main__":
    main()
