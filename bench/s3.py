# SPDX-License-Identifier: Apache-2.0
"""S3 on loopback (versitygw): upload of 2 GB beside the AWS CLI, scan of 2 GB beside DuckDB's httpfs, in turn in
one run; the second read from the cache, beside the same files in a local lake; what a commit takes at 20 ms of latency.

    python bench/s3.py [--gigabytes 2] [--rounds 3]

The scan is of the same Parquet files: Daypart reads them as an Iceberg table, DuckDB by name. Both read all
columns. Daypart's first read fills its cache as well; "cache off" is the same without one, as httpfs has none. httpfs comes as a wheel (duckdb-extension-httpfs), which is loaded from there.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "interop"))

import cloud  # noqa: E402: found by the path above
import faults  # noqa: E402
from process import run_measured  # noqa: E402

DAYPART = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
SUMS = ("SUM(a), SUM(b), SUM(c), SUM(d), MIN(t), MAX(t)")


def timed(command, cwd, env):
    return run_measured(*command, cwd=cwd, env=env)


def make_data(folder, gigabytes):
    """Random numbers, which Parquet does not make smaller: 8 files."""
    import duckdb
    connection = duckdb.connect()
    folder.mkdir()
    rows = int(gigabytes * 1e9 / 8 / 42)
    for number in range(8):
        connection.execute(f"""COPY (SELECT random() AS a, random() AS b, (hash(i * 7 + {number}) >> 2)::BIGINT AS c,
            random() AS d, md5(i::VARCHAR)[:10] AS t FROM range({rows}) r(i))
            TO '{folder}/{number}.parquet' (COMPRESSION uncompressed)""")
    return sum(path.stat().st_size for path in folder.iterdir())


def httpfs_scan(url, glob):
    import duckdb_extension_httpfs
    extension = next(pathlib.Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension"))
    host = url.removeprefix("http://")
    return f"""
import duckdb
c = duckdb.connect(config={{"allow_unsigned_extensions": True}})
c.execute("LOAD '{extension}'")
c.execute("SET s3_endpoint='{host}'; SET s3_use_ssl=false; SET s3_url_style='path'; SET s3_region='{cloud.REGION}'")
c.execute("SET s3_access_key_id='{cloud.KEY}'; SET s3_secret_access_key='{cloud.SECRET}'")
print(c.execute("SELECT {SUMS} FROM read_parquet('{glob}')").fetchall())
"""


def tell(title, ours, theirs, peer, size):
    """By the clock and, as other work moves that less, by cpu time without the server's."""
    mine, other = (statistics.median(run.seconds for run in runs) for runs in (ours, theirs))
    my_cpu, other_cpu = (statistics.median(run.cpu for run in runs) for runs in (ours, theirs))
    print(f"{title:28} daypart {mine:6.2f} s ({size / mine / 1e6:5.0f} MB/s)   {peer} {other:6.2f} s "
          f"({size / other / 1e6:5.0f} MB/s)   {other / mine:.2f} x   cpu {my_cpu:5.2f} s and {other_cpu:5.2f} s   "
          f"{other_cpu / my_cpu:.2f} x   peak {max(run.peak for run in ours):4.0f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="daypart-s3-"))
    server = cloud.start_versitygw(folder)
    try:
        measure(folder, server, arguments)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder, server, arguments):
    env = cloud.environment(PYTHONPATH=os.environ.get("PYTHONPATH", ""))
    server.client("s3").create_bucket(Bucket="lake")
    size = make_data(folder / "data", arguments.gigabytes)
    lake = folder / "lake"
    lake.mkdir()
    timed([DAYPART, "init", ".", "--warehouse", "s3://lake/demo", "--endpoint", server.url], lake, env)
    ours, theirs = [], []
    for number in range(arguments.rounds):
        ours.append(timed([DAYPART, "--quiet", "upload", "-r", str(folder / "data"), f"up-{number}/"], lake, env))
        theirs.append(timed([sys.executable, "-m", "awscli", "--endpoint-url", server.url, "s3", "cp", "--recursive",
                             "--only-show-errors", str(folder / "data"), f"s3://lake/cli-{number}/"], lake, env))
        remove(server, [f"demo/up-{number}/" if number else "-", f"cli-{number}/"])
    tell(f"upload of {size / 1e9:.1f} GB", ours, theirs, "aws s3 cp", size)
    objects = server.client("s3").list_objects_v2(Bucket="lake", Prefix="demo/up-0/")["Contents"]
    files = [f"s3://lake/{item['Key']}" for item in objects if "/." not in item["Key"]]
    timed([DAYPART, "--quiet", "load", "media.t", *files], lake, env)
    keys = [item["Key"] for item in server.client("s3").list_objects_v2(Bucket="lake", Prefix="demo/media/t/")["Contents"]]
    size = sum(server.client("s3").head_object(Bucket="lake", Key=key)["ContentLength"]
               for key in keys if key.endswith(".parquet"))
    scan = [DAYPART, "query", f"SELECT {SUMS} FROM media.t", "--format", "csv"]
    peer = [sys.executable, "-c", httpfs_scan(server.url, "s3://lake/demo/media/t/**/*.parquet")]
    local = folder / "local"
    local.mkdir()
    timed([DAYPART, "init", "."], local, env)
    timed([DAYPART, "--quiet", "load", "media.t", *sorted(map(str, (folder / "data").iterdir()))], local, env)
    config = (lake / "daypart.toml").read_text()
    uncached = config.replace("[store]", '[store]\ncache_size = "1B"', 1)
    times = {name: [] for name in ("filling", "off", "cached", "httpfs", "local")}
    for _ in range(arguments.rounds):
        shutil.rmtree(lake / ".daypart-cache", ignore_errors=True)
        (lake / "daypart.toml").write_text(uncached)
        times["off"].append(timed(scan, lake, env))
        (lake / "daypart.toml").write_text(config)
        times["filling"].append(timed(scan, lake, env))
        times["cached"].append(timed(scan, lake, env))
        times["httpfs"].append(timed(peer, lake, env))
        times["local"].append(timed(scan, local, env))
    tell(f"scan of {size / 1e9:.1f} GB, cache off", times["off"], times["httpfs"], "httpfs", size)
    tell("  filling the cache", times["filling"], times["httpfs"], "httpfs", size)
    tell("  again, from the cache", times["cached"], times["httpfs"], "httpfs", size)
    tell("  again, from the cache", times["cached"], times["local"], "local files", size)
    commit(folder, server, env)


def remove(server, prefixes):
    s3 = server.client("s3")
    for prefix in prefixes:
        for item in s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", []):
            s3.delete_object(Bucket="lake", Key=item["Key"])


def commit(folder, server, env):
    """Calls of a commit one after the other, at 20 ms each."""
    proxy = faults.FaultProxy(server.url, delay=0.02)
    lake = folder / "slow"
    lake.mkdir()
    timed([DAYPART, "init", ".", "--warehouse", "s3://lake/slow", "--endpoint", proxy.url], lake, env)
    (lake / "rows.csv").write_text("id\n1\n")
    for _ in range(2):
        timed([DAYPART, "load", "media.c", "rows.csv"], lake, env)
    proxy.calls.clear()
    seconds = timed([DAYPART, "load", "media.c", "rows.csv"], lake, env).seconds
    print(f"load of one row at 20 ms: {len(proxy.calls)} calls with the data file's, {seconds * 1000:.0f} ms", flush=True)
    proxy.stop()


if __name__ == "__main__":
    main()
