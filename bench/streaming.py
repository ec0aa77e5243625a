#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events as JSON lines -> committed Iceberg: Spark Structured Streaming and `daypart stream`, in turn in one run.

    ROUNDS=3 .deps/venv/bin/python bench/streaming.py [--rows 10000000] [--only WORD …] [--limit limit.cc] [--memory]

The events (10 columns, 220 bytes, files of 100 k rows) are made once by DuckDB in --cache. Both write the same
table of one kind of catalog, unpartitioned and by hour(event_time). Spark is one warm JVM, availableNow with 10
files a trigger, and is timed from start() to the end of the query; Daypart is a whole process from start to exit,
with its window of repeated ids and without, and brings every file to disk before it commits. --limit compiles a
program that parses and writes the same rows with neither dedupe nor commit (usage: FILE.jsonl THREADS WRITE), as
what the machine can do. Each table is counted and summed by DuckDB over the files that PyIceberg plans.
--memory instead shows the peak of `daypart stream` on a sixth of the files, on half of them and on all: with --rows
20000000 these are 3.3, 10 and 20 M rows.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing

import duckdb
from process import run_measured
from pyiceberg.catalog.sql import SqlCatalog

ROOT = pathlib.Path(__file__).resolve().parents[1]
DAYPART = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
FILE_ROWS = 100_000
RATIO_WANTED = 8.0

COLUMNS = {"event_id": "bigint", "viewer_id": "int", "channel_id": "int", "content_id": "int",
           "event_type": "string", "event_time": "timestamptz", "duration_seconds": "int",
           "device_type": "string", "region": "string", "bitrate_kbps": "int"}
# One number for all values of all rows, in any order.
CHECK = ("count(*) AS rows, sum(event_id)::VARCHAR AS ids, sum(hash(event_id, viewer_id, channel_id, content_id, "
         "event_type, epoch_us(event_time), duration_seconds, device_type, region, bitrate_kbps))::VARCHAR AS hashes")
EVENTS = """SELECT i AS event_id, (hash(i) % 1000000)::INT AS viewer_id, (hash(i * 7) % 500)::INT AS channel_id,
    (hash(i * 13) % 20000)::INT AS content_id,
    (['start', 'heartbeat', 'heartbeat', 'heartbeat', 'stop', 'ad'])[1 + (hash(i * 3) % 6)::INT] AS event_type,
    strftime(TIMESTAMP '2026-11-01' + to_microseconds(i * 86400), '%Y-%m-%dT%H:%M:%S.%gZ') AS event_time,
    (hash(i * 17) % 3600)::INT AS duration_seconds,
    (['tv', 'mobile', 'web', 'tablet', 'console'])[1 + (hash(i * 5) % 5)::INT] AS device_type,
    (['north', 'south', 'east', 'west', 'central', 'apac', 'emea', 'latam'])[1 + (hash(i * 11) % 8)::INT] AS region,
    (500 + hash(i * 19) % 8000)::INT AS bitrate_kbps FROM range({first}, {behind}) t(i)"""


class Side(typing.NamedTuple):
    """What one run took; peak MiB is 0 where a JVM's would say nothing."""

    seconds: float
    cpu: float
    peak: float


def make_events(cache, rows):
    """The folder of the first `rows` events and what a table of them must sum to."""
    folder = cache / f"events-{rows}"
    if not folder.exists():
        making = cache / f"making-{os.getpid()}"
        making.mkdir(parents=True)
        connection = duckdb.connect()
        for first in range(0, rows, FILE_ROWS):
            events = EVENTS.format(first=first, behind=min(rows, first + FILE_ROWS))
            connection.execute(f"COPY ({events}) TO '{making}/part-{first // FILE_ROWS:05}.jsonl' (FORMAT json)")
        making.rename(folder)
    types = {name: {"string": "VARCHAR", "timestamptz": "TIMESTAMP"}.get(kind, kind)
             for name, kind in COLUMNS.items()}
    expected = duckdb.sql(f"SELECT {CHECK} FROM read_json('{folder}/*.jsonl', format = 'newline_delimited', "
                          f"columns = {types})").fetchone()
    return folder, expected


def bytes_of(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def table_of(lake):
    catalog = SqlCatalog("daypart", uri=f"sqlite:///{lake}/lake/catalog.db", warehouse=f"file://{lake}/lake")
    return catalog.load_table("media.events")


def check(lake, expected):
    files = [task.file.file_path.removeprefix("file://") for task in table_of(lake).scan().plan_files()]
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    found = connection.execute(f"SELECT {CHECK} FROM read_parquet($1)", [files]).fetchone()
    assert found == expected, (found, expected)
    return len(files)


def new_lake(folder, partition, dedupe=True):
    """A lake with an empty table, the same for either side."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([DAYPART, "--quiet", "init", "."], cwd=folder, check=True)
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    clause = f" PARTITIONED BY ({partition})" if partition else ""
    subprocess.run([DAYPART, "--quiet", "query", "--write", f"CREATE TABLE media.events ({columns}){clause}"],
                   cwd=folder, check=True)
    with open(folder / "daypart.toml", "a", encoding="utf-8") as config:
        # One sink, as the others have one.
        config.write('\n[stream.events]\ntable = "media.events"\nfiles = ""\n' + ("" if dedupe else "dedupe_rows = 0\n"))
    os.sync()


def daypart(lake, folder):
    here = os.getcwd()
    os.chdir(lake)
    try:
        run = run_measured(DAYPART, "--json", "stream", "events", "--from", str(folder), "--until-idle",
                           "--no-windows")
    finally:
        os.chdir(here)
    return Side(run.seconds, run.cpu, run.peak)


def spark_stream(spark, lake, folder):
    """One query over all files: what it took by the clock, and seconds of its batches by its own progress."""
    session = spark.start(lake).lake.session
    # The table's name is looked up in the session that is active, which a new one is not by itself.
    spark.spark.jvm.org.apache.spark.sql.SparkSession.setActiveSession(session._jsparkSession)
    schema = ", ".join(f"{name} {'timestamp' if kind == 'timestamptz' else kind}" for name, kind in COLUMNS.items())
    cpu = spark.cpu()
    begin = time.perf_counter()
    query = (session.readStream.schema(schema).option("maxFilesPerTrigger", 10).json(str(folder))
             .writeStream.format("iceberg").outputMode("append").option("fanout-enabled", "true")
             .trigger(availableNow=True).option("checkpointLocation", f"{lake}/checkpoint")
             .toTable("daypart.media.events"))
    query.awaitTermination()
    seconds = time.perf_counter() - begin
    batches = [progress["durationMs"].get("triggerExecution", 0) / 1000 for progress in query.recentProgress]
    return Side(seconds, spark.cpu() - cpu, 0), batches


def show(title, sides, rows, size, note="", base=None):
    """Medians; returns the wall seconds."""
    seconds = statistics.median(side.seconds for side in sides)
    cpu = statistics.median(side.cpu for side in sides)
    peak = max(side.peak for side in sides)
    line = (f"  {title:34} {seconds:7.2f} s {rows / seconds / 1e6:6.2f} M rows/s {size / seconds / 1e6:7.0f} MB/s  "
            f"cpu {cpu:6.2f} s ({rows / cpu / 1e6:5.2f} M rows a cpu s)")
    if peak:
        line += f"  peak {peak:4.0f} MiB"
    if base:
        line += f"  {base[0] / seconds:5.2f} x Spark (cpu {base[1] / cpu:5.2f} x)"
    print(line + note, flush=True)
    return seconds, cpu


class Limit:
    """The limit program, built outside the tree."""

    def __init__(self, source, scratch, folder):
        deps = ROOT / ".deps"
        self.program = scratch / "limit"
        subprocess.run(["g++", "-O3", "-march=native", "-std=c++20", "-w", str(source), "-o", str(self.program),
                        "-I", f"{deps}/arrow/include", "-lsimdjson", f"{deps}/arrow/lib/libparquet.so",
                        f"{deps}/arrow/lib/libarrow.so", f"-Wl,-rpath,{deps}/arrow/lib", "-pthread"], check=True)
        self.scratch = scratch
        self.events = folder.with_suffix(".jsonl")
        if not self.events.exists():
            with open(self.events, "wb") as out:
                for part in sorted(folder.iterdir()):
                    out.write(part.read_bytes())

    def run(self, writes):
        here = os.getcwd()
        os.chdir(self.scratch)
        try:
            run = run_measured(str(self.program), str(self.events), "2", str(int(writes)))
        finally:
            os.chdir(here)
        return Side(run.seconds, run.cpu, run.peak)


def is_wanted(words, title):
    return not words or any(word in title for word in words)


def compare(scratch, events, partition, words, spark, limit):
    folder, expected, rows, size = events
    lake = scratch / "lake"
    results, theirs, notes = {}, [], []
    runs = [(f"daypart, {text}", dedupe) for text, dedupe in (("dedupe on", True), ("dedupe off", False))]
    if spark:  # Its code is compiled by a run that is not timed.
        new_lake(lake, partition)
        spark_stream(spark, lake, folder)
    for _ in range(ROUNDS):
        if spark:
            new_lake(lake, partition)
            side, each = spark_stream(spark, lake, folder)
            theirs.append(side)
            files = check(lake, expected)
            notes.append(f"  ({files} files; its own progress: {len(each)} batches, {sum(each):.2f} s, median "
                         f"{statistics.median(each):.2f} s)")
        for title, dedupe in runs:
            if not is_wanted(words, title):
                continue
            new_lake(lake, partition, dedupe)
            results.setdefault(title, []).append(daypart(lake, folder))
            notes_files = check(lake, expected)
            results.setdefault(title + "#", []).append(notes_files)
        for title, writes in (("limit program, parses and writes", True), ("limit program, parses", False)):
            if limit and is_wanted(words, title):
                results.setdefault(title, []).append(limit.run(writes))
    print(f"{f'partitioned by {partition}' if partition else 'unpartitioned'}, {rows:,} rows, {size / 1e6:,.0f} MB",
          flush=True)
    base = show("Spark Structured Streaming, warm", theirs, rows, size, notes[-1]) if theirs else None
    for title, sides in results.items():
        if title.endswith("#"):
            continue
        files = results.get(title + "#")
        show(title, sides, rows, size, f"  ({files[-1]} files)" if files else "", base)
    return base and min(base[0] / statistics.median(side.seconds for side in results[title])
                        for title, _ in runs if title in results)


def show_memory(scratch, events):
    folder, _, rows, _ = events
    files = sorted(folder.iterdir())
    parts = {}
    for share in (6, 2, 1):
        parts[rows // share] = scratch / f"part-{share}"
        parts[rows // share].mkdir()
        for path in files[:len(files) // share]:
            os.symlink(path, parts[rows // share] / path.name)
    for partition in ("", "hour(event_time)"):
        peaks = []
        for count, part in parts.items():
            new_lake(scratch / "lake", partition)
            peaks.append(f"{daypart(scratch / 'lake', part).peak:.0f} MiB of {count / 1e6:.1f} M rows")
        print(f"peak, {partition or 'unpartitioned'}: {', '.join(peaks)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--cache", type=pathlib.Path,
                        default=pathlib.Path(tempfile.gettempdir()) / "daypart-bench-events")
    parser.add_argument("--only", nargs="*", default=[], help="spark, daypart, limit, 'dedupe on', …")
    parser.add_argument("--layout", choices=["unpartitioned", "hour", "both"], default="both")
    parser.add_argument("--limit", type=pathlib.Path, help="source of the limit program")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    folder, expected = make_events(options.cache, options.rows)
    events = (folder, expected, options.rows, bytes_of(folder))
    partitions = {"unpartitioned": [""], "hour": ["hour(event_time)"]}.get(options.layout,
                                                                           ["", "hour(event_time)"])
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        if options.memory:
            show_memory(scratch, events)
            return
        limit = None
        if options.limit and is_wanted(options.only, "limit program"):
            limit = Limit(options.limit.resolve(), scratch, folder)
        spark = None
        if is_wanted(options.only, "spark"):
            import spark_warm
            spark = spark_warm.WarmSpark(memory="8g")
        try:
            ratios = [compare(scratch, events, partition, options.only, spark, limit)
                      for partition in partitions]
        finally:
            if spark:
                spark.stop()
    if spark and all(ratios):
        print(f"least ratio {min(ratios):.1f}, wanted {RATIO_WANTED:.0f}")


if __name__ == "__main__":
    sys.exit(main())
