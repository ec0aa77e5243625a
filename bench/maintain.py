# SPDX-License-Identifier: Apache-2.0
"""Maintenance at scale, Daypart and its peers in turn in one run.

    .deps/venv/bin/python bench/maintain.py [compact] [plan] [commits]     # default: all three

compact: 1,000 small files (FILES, 1 GB at ROWS rows each) made 256 MiB ones by Daypart, by Spark's
rewrite_data_files (warm JVM, 2 cores), and by a plain copy: pyarrow reads as many files as make one of the
target size and writes them as one, two such files at a time, zstd 1, 2 threads, no catalog, no fsync. plan: a scan of a table with
100,000 files, beside PyIceberg and DuckDB. commits: 10,000 on one table. The last two need the programs of
cmake -DDAYPART_BENCH=ON build. Ratios count, not seconds: Daypart writes with fsync.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from process import Run, run_measured

ROOT = pathlib.Path(__file__).resolve().parents[1]
DAYPART = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
PROGRAMS = pathlib.Path(DAYPART).parent / "bench"
FILES = int(os.environ.get("FILES", "1000"))
ROWS = int(os.environ.get("ROWS", "40000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
TARGET_BYTES = 256 << 20


def make_file(path, number):
    """Viewing events, about 1 MB: ids that rise, numbers that scatter, words that repeat."""
    ids = pa.array(range(number * ROWS, (number + 1) * ROWS), pa.int64())
    noise = pc.bit_wise_and(pc.multiply(ids, pa.scalar(2654435761, pa.int64())), 0x7FFFFFFF)
    words = pa.array(["start", "heartbeat", "stop", "advert", "pause"])
    regions = pa.array(["north", "south", "east", "west", "central", "apac"])

    def of(array, divisor):
        share = pc.divide(noise, pa.scalar(divisor, pa.int64()))
        return array.take(pc.subtract(share, pc.multiply(pc.divide(share, len(array)), len(array))))

    table = pa.table({"event_id": ids, "viewer_id": noise, "content_id": pc.divide(noise, 7919),
                      "watch_seconds": pc.divide(noise, 1 << 20), "event_type": of(words, 3),
                      "region": of(regions, 11),
                      "event_time": pc.multiply(ids, 1_000_000).cast(pa.timestamp("us", "UTC"))})
    pq.write_table(table, path, compression="zstd", compression_level=1)


def prepare_table(lake, files):
    """The table anew from the same files, in one commit."""
    from pyiceberg.catalog.sql import SqlCatalog
    catalog = SqlCatalog("daypart", uri=f"sqlite:///{lake}/lake/catalog.db",
                         warehouse=f"file://{lake}/lake")
    catalog.create_namespace_if_not_exists("media")
    if catalog.table_exists("media.small"):
        catalog.drop_table("media.small")
    table = catalog.create_table("media.small", schema=pq.read_schema(files[0]))
    table.add_files([f"file://{file}" for file in files], check_duplicate_files=False)
    catalog.close()


def files_now(lake):
    from pyiceberg.catalog.sql import SqlCatalog
    catalog = SqlCatalog("daypart", uri=f"sqlite:///{lake}/lake/catalog.db",
                         warehouse=f"file://{lake}/lake")
    tasks = list(catalog.load_table("media.small").scan().plan_files())
    catalog.close()
    return len(tasks), sum(task.file.record_count for task in tasks)


# The plain copy as a process of its own: pyarrow's writer has one thread a file, so there are two files.
COPY = """
import concurrent.futures, sys
import pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
folder, step, *files = sys.argv[1:]
pa.set_cpu_count(2)
def copy(begin):
    batches = ds.dataset(files[begin:begin + int(step)]).scanner(batch_readahead=4, fragment_readahead=2)
    with pq.ParquetWriter(f"{folder}/{begin}.parquet", batches.projected_schema, compression="zstd",
                          compression_level=1) as writer:
        waiting, rows = [], 0
        for batch in batches.to_batches():
            waiting.append(batch)
            rows += batch.num_rows
            if rows >= 1 << 19:
                writer.write_table(pa.Table.from_batches(waiting), row_group_size=rows)
                waiting, rows = [], 0
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting), row_group_size=rows)
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    list(pool.map(copy, range(0, len(files), int(step))))
"""


def copy_plainly(files, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    size = sum(file.stat().st_size for file in files)
    step = -(-len(files) * TARGET_BYTES // size)
    return run_measured(sys.executable, "-c", COPY, str(folder), str(step), *map(str, files))


def timed(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


def tell(runs, ours="daypart"):
    def median(name, what):
        return statistics.median(getattr(run, what) for run in runs[name])
    for name, all_runs in runs.items():
        peak = max(run.peak for run in all_runs)
        print(f"  {name:24} {median(name, 'seconds'):7.2f} s {median(name, 'cpu'):7.2f} s cpu "
              f"{peak or float('nan'):6.0f} MiB   {median(name, 'seconds') / median(ours, 'seconds'):6.2f} x "
              f"daypart's time, {median(name, 'cpu') / median(ours, 'cpu'):6.2f} x its cpu", flush=True)


def compact(folder):
    import spark_warm
    lake = folder / "lake"
    subprocess.run([DAYPART, "--quiet", "init", str(lake)], check=True)
    (folder / "small").mkdir()
    files = [folder / "small" / f"{number:05}.parquet" for number in range(FILES)]
    for number, file in enumerate(files):
        make_file(file, number)
    size = sum(file.stat().st_size for file in files)
    print(f"compact: {FILES} files, {size / 1e6:.0f} MB", flush=True)
    spark = spark_warm.WarmSpark(cores=2, memory="4g").start(lake)
    call = ("CALL daypart.system.rewrite_data_files(table => 'media.small', options => "
            f"map('target-file-size-bytes', '{TARGET_BYTES}'))")
    daypart = [DAYPART, "--quiet", "--config", str(lake / "daypart.toml"), "maintain", "media.small",
               "compact", "--target-bytes", str(TARGET_BYTES)]

    def by_spark():
        before = spark.cpu()
        return Run(spark.sql(call), spark.cpu() - before, 0, b"")
    works = {"daypart": lambda: run_measured(*daypart),
             "spark rewrite_data_files": by_spark,
             "plain copy (pyarrow)": lambda: copy_plainly(files, folder / "copy")}
    times = {name: [] for name in works}
    for turn in range(ROUNDS + 1):  # the first turn warms the JVM and the file cache
        for name, work in works.items():
            if "copy" not in name:
                prepare_table(lake, files)
            run = work()
            if "copy" not in name:
                count, rows = files_now(lake)
                assert rows == FILES * ROWS and count <= size // TARGET_BYTES + 4, (name, count, rows)
            if turn > 0:
                times[name].append(run)
    spark.stop()
    tell(times)


def plan(folder):
    import duckdb
    from pyiceberg.expressions import EqualTo
    from pyiceberg.table import StaticTable
    done = subprocess.run([PROGRAMS / "plan", folder / "plan"], check=True, capture_output=True,
                          text=True).stdout
    location = done.split()[1]
    print("plan: 100,000 files\n" + "\n".join("  " + line for line in done.splitlines()[1:]))
    table = StaticTable.from_metadata(location)
    seconds = timed(lambda: list(table.scan(row_filter=EqualTo("day", 77)).plan_files()))
    print(f"  pyiceberg one day of 200 {seconds * 1000:8.1f} ms")
    connection = duckdb.connect()
    connection.execute("INSTALL iceberg; LOAD iceberg")
    query = f"EXPLAIN SELECT count(*) FROM iceberg_scan('{location}') WHERE day = 77"
    try:
        seconds = timed(lambda: connection.execute(query).fetchall())
        print(f"  duckdb one day of 200    {seconds * 1000:8.1f} ms (EXPLAIN)")
    except duckdb.Error as error:  # it opens a file to plan, and there is none
        print(f"  duckdb: {str(error)[:90]}")


def commits(folder):
    for mode in ([], ["keep-all"]):
        print("commits" + (", every snapshot kept" if mode else ", a new table's defaults"), flush=True)
        subprocess.run([PROGRAMS / "commits", folder / ("all" if mode else "bounded"),
                        os.environ.get("COMMITS", "10000"), *mode], check=True)


def main():
    chosen = sys.argv[1:] or ["compact", "plan", "commits"]
    with tempfile.TemporaryDirectory() as name:
        for work in (compact, plan, commits):
            if work.__name__ in chosen:
                work(pathlib.Path(name).resolve())


if __name__ == "__main__":
    main()
