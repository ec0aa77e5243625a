# SPDX-License-Identifier: Apache-2.0
"""Daypart beside Polars and DuckDB on the same files, in turn in one run: A B A B …, medians and ratios.

10 M viewing events as CSV and JSON lines, 2 M ad rows and 200 k upserts are made by DuckDB in a temporary
folder (3 GB). Each run is a process of its own; memory is its peak resident set. Daypart writes Iceberg
with fsync, the others plain Parquet without.
"""

import multiprocessing
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
DAYPART = str(ROOT / "build" / "daypart")
ROUNDS = int(os.environ.get("ROUNDS", "5"))
TYPES = ("{event_id:'bigint',viewer_id:'int',channel_id:'int',content_id:'int',event_type:'varchar',"
         "event_time:'timestamp',duration_seconds:'int',device_type:'varchar',region:'varchar',"
         "bitrate_kbps:'int'}")


def make_data():
    import duckdb
    connection = duckdb.connect()
    connection.execute("""CREATE TABLE ev AS SELECT i AS event_id,
        (hash(i) % 1000000)::INT AS viewer_id, (hash(i * 7) % 500)::INT AS channel_id,
        (hash(i * 13) % 20000)::INT AS content_id,
        (['start', 'heartbeat', 'heartbeat', 'heartbeat', 'stop', 'ad'])[1 + (hash(i * 3) % 6)::INT]
            AS event_type,
        strftime(TIMESTAMP '2026-11-01' + to_microseconds(i * 86400), '%Y-%m-%dT%H:%M:%S.%gZ')
            AS event_time,
        (hash(i * 17) % 3600)::INT AS duration_seconds,
        (['tv', 'mobile', 'web', 'tablet', 'console'])[1 + (hash(i * 5) % 5)::INT] AS device_type,
        (['north', 'south', 'east', 'west', 'central', 'apac', 'emea', 'latam'])
            [1 + (hash(i * 11) % 8)::INT] AS region,
        (500 + hash(i * 19) % 8000)::INT AS bitrate_kbps FROM range(10000000) t(i)""")
    connection.execute("COPY ev TO 'ev.csv' (HEADER)")
    connection.execute("COPY ev TO 'ev.jsonl' (FORMAT json)")
    connection.execute("""CREATE TABLE ad AS SELECT i AS ad_id, (hash(i) % 500)::INT AS channel_id,
        (hash(i * 7) % 100000)::INT AS impressions, (hash(i * 9) % 1000)::INT AS clicks,
        round((hash(i * 11) % 1000000) / 100.0, 2) AS revenue_usd FROM range(2000000) t(i)""")
    connection.execute("COPY ad TO 'ad.csv' (HEADER)")
    connection.execute("""COPY (SELECT ad_id + 1900000 AS ad_id, * EXCLUDE (ad_id)
        REPLACE (revenue_usd * 2 AS revenue_usd) FROM ad WHERE ad_id < 200000) TO 'up.csv' (HEADER)""")


def run(command):
    """Seconds and peak MiB of one process."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.monotonic() - start, usage.ru_maxrss / 1024


def fresh_lake():
    shutil.rmtree("lake", ignore_errors=True)
    pathlib.Path("daypart.toml").unlink(missing_ok=True)
    subprocess.run([DAYPART, "--quiet", "init", "."], check=True)


def load(*arguments):
    return [DAYPART, "--quiet", "load", *arguments]


def python(code):
    return [sys.executable, "-c", code]


def compare(title, rows, ours, peers, before=lambda: None):
    results = {}
    for _ in range(ROUNDS):
        for name, command in [("daypart", ours), *peers.items()]:
            if name == "daypart":
                before()
            results.setdefault(name, []).append(run(command))
    median = statistics.median(seconds for seconds, _ in results["daypart"])
    for name, runs in results.items():
        seconds = statistics.median(seconds for seconds, _ in runs)
        peak = max(peak for _, peak in runs)
        print(f"{title:28} {name:8} {seconds:6.2f} s {rows / seconds / 1e6:6.2f} M rows/s "
              f"{peak:6.0f} MiB  {seconds / median:5.2f} x daypart's time", flush=True)


def prepare_merge():
    fresh_lake()
    subprocess.run(load("media.ad", "ad.csv"), check=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print("making 10 M events", flush=True)
        # In a process of its own: a child's peak memory starts from its parent's.
        data = multiprocessing.Process(target=make_data)
        data.start()
        data.join()
        assert data.exitcode == 0
        csv = "copy (from 'ev.csv') to 'd.parquet' (compression zstd)"
        jsonl = f"copy (from read_json('ev.jsonl', columns={TYPES})) to 'dj.parquet' (compression zstd)"
        quiet = "import duckdb; duckdb.sql(\"set enable_progress_bar=false; {}\")"
        compare("CSV, 10 M rows", 10e6, load("media.ev", "ev.csv"), {
            "polars": python("import polars as p; p.scan_csv('ev.csv').sink_parquet('p.parquet')"),
            "duckdb": python(quiet.format(csv))}, fresh_lake)
        compare("JSON lines, 10 M rows", 10e6, load("media.ev", "ev.jsonl"),
                {"duckdb": python(quiet.format(jsonl))}, fresh_lake)
        compare("merge 200 k into 2 M rows", 200e3,
                load("media.ad", "up.csv", "--mode", "merge", "--key", "ad_id"), {}, prepare_merge)


if __name__ == "__main__":
    main()
