#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long `daypart serve` takes from its start to its first answers when the lake's stream has a large log.

    ROUNDS=5 .deps/venv/bin/python bench/restart.py [--gib 10] [--shards 4] [--fill build/bench/fill_log]

The log is filled once by bench/fill_log, which dies with the log open. Each start is timed to the first answer of
/health, of DescribeStreamSummary, of GetRecords at the oldest and at the newest record, and to the first
acknowledged PutRecord; the server is then killed, so that each start recovers anew. Warm
starts come first, then cold ones, before which the log is dropped from the page cache.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parents[1]
DAYPART = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS_WANTED = 2.0
KEYS = {"aws_access_key_id": "daypart", "aws_secret_access_key": "daypart"}


def forget(folder):
    """Takes the folder's files out of the page cache, as after a reboot."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def answers(url, begin):
    """Seconds since the start at which each kind of call has its answer, one after the other."""
    took = {}
    with urllib.request.urlopen(url + "/health", timeout=60) as answer:
        answer.read()
    took["health"] = time.perf_counter() - begin
    kinesis = boto3.client("kinesis", endpoint_url=url, region_name="us-east-1", **KEYS,
                           config=botocore.config.Config(retries={"max_attempts": 0}))
    kinesis.describe_stream_summary(StreamName="bench")
    took["describe"] = time.perf_counter() - begin
    for kind in ("TRIM_HORIZON", "LATEST"):
        iterator = kinesis.get_shard_iterator(StreamName="bench", ShardId="shardId-000000000000",
                                              ShardIteratorType=kind)["ShardIterator"]
        records = kinesis.get_records(ShardIterator=iterator, Limit=100)["Records"]
        assert len(records) == (100 if kind == "TRIM_HORIZON" else 0), (kind, len(records))
        took[kind.lower()] = time.perf_counter() - begin
    kinesis.put_record(StreamName="bench", Data=b'{"event_id":"new"}', PartitionKey="key")
    took["put"] = time.perf_counter() - begin
    return took


def start(folder):
    environment = dict(os.environ, AWS_ACCESS_KEY_ID="daypart", AWS_SECRET_ACCESS_KEY="daypart")
    begin = time.perf_counter()
    server = subprocess.Popen([DAYPART, "serve", "--port", "0"], cwd=folder, env=environment,
                              stdout=subprocess.PIPE, text=True)
    try:
        took = answers(server.stdout.readline().split()[-1], begin)
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
        took["MiB"] = int(status.split("VmRSS:")[1].split()[0]) / 1024
        return took
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=10)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--fill", default=str(ROOT / "build" / "bench" / "fill_log"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        subprocess.run([DAYPART, "--quiet", "init", folder], check=True)
        streams = pathlib.Path(folder) / "lake" / "streams"
        filled = subprocess.run([options.fill, str(streams), "bench", str(options.shards),
                                 str(int(options.gib * 2**30))], check=True, capture_output=True, text=True)
        size = sum(path.stat().st_size for path in streams.rglob("*") if path.is_file())
        print(f"{filled.stdout.strip()}, {size / 2**30:.1f} GiB of log in {options.shards} shards", flush=True)
        slowest = 0
        for title, is_cold in (("warm", False), ("cold", True)):
            rounds = []
            for _ in range(ROUNDS):
                if is_cold:
                    forget(streams)
                rounds.append(start(folder))
            medians = {kind: round(statistics.median(took[kind] for took in rounds), 3) for kind in rounds[0]}
            slowest = max(slowest, medians["put"])
            print(f"{title}: seconds from start to answer, medians of {ROUNDS}: {json.dumps(medians)}", flush=True)
    print(f"all answered after {slowest:.2f} s, wanted below {SECONDS_WANTED:.0f} s to the first")


if __name__ == "__main__":
    main()
