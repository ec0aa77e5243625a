# SPDX-License-Identifier: Apache-2.0
"""`daypart send`: what it sends, as boto3 reads it back from the stream."""

import collections
import datetime
import json
import random
import signal
import subprocess
import time

import boto3
import pytest

import cloud
from serving import Served, wait_until


@pytest.fixture
def served(lake):
    with Served(lake) as server:
        yield server


@pytest.fixture
def kinesis(served):
    client = boto3.client("kinesis", endpoint_url=served.url, region_name="us-east-1", aws_access_key_id="daypart",
                          aws_secret_access_key="daypart")
    client.create_stream(StreamName="s", ShardCount=3)
    return client


def send(lake, served, *arguments, **options):
    return lake.run("--json", "send", "--stream", "s", "--endpoint", served.url, *arguments, **options)


def test_a_file_arrives_whole_and_in_order_by_key(lake, served, kinesis):
    random.seed(7)
    lines = [json.dumps({"viewer_id": random.choice([1, "zwei", 3.5, *range(100, 300)]), "n": n, "text": "ü\\\" "})
             for n in range(5000)]
    (lake.folder / "events.jsonl").write_text("\n".join(lines) + "\n\n")
    done = send(lake, served, "events.jsonl")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["read"], report["acknowledged"]) == (5000, 5000)
    records = cloud.records_of(kinesis, "s")
    assert sorted(r["Data"].decode() for r in records) == sorted(lines)
    by_key = collections.defaultdict(list)
    for record in records:
        event = json.loads(record["Data"])
        assert record["PartitionKey"] == str(event["viewer_id"])
        by_key[record["PartitionKey"]].append(event["n"])
    assert len(by_key) == 203 and all(numbers == sorted(numbers) for numbers in by_key.values())


def test_a_pipe_is_sent_as_it_comes_and_a_stop_loses_nothing(lake, served, kinesis):
    process = subprocess.Popen([lake.binary, "--json", "send", "--stream", "s", "--endpoint", served.url], cwd=lake.folder,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write('{"viewer_id": 1}\nno json\n')
    process.stdin.flush()
    assert wait_until(lambda: len(cloud.records_of(kinesis, "s")) == 2, 10), "the pipe is open still"
    process.stdin.write('{"viewer_id": 2}\n')
    process.stdin.flush()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0
    assert json.loads(process.stdout.read())["acknowledged"] == 3
    process.stdin.close()
    process.stdout.close()
    assert {r["Data"] for r in cloud.records_of(kinesis, "s")} == {b'{"viewer_id": 1}', b"no json", b'{"viewer_id": 2}'}


def test_live_events_come_at_a_rate_late_and_twice(lake, served, kinesis):
    start = time.time()
    done = send(lake, served, "--live", 2000, "--rate", 1000, "--late", 100, "--repeated", 50, "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert 1.9 < time.time() - start < 20
    records = cloud.records_of(kinesis, "s")
    events = [json.loads(r["Data"]) for r in records]
    assert len(events) == 2000
    counts = collections.Counter(event["event_id"] for event in events)
    repeated = sum(count - 1 for count in counts.values())
    assert 60 < repeated < 150
    assert sorted(counts) == list(range(1, len(counts) + 1))
    late = sum(start - datetime.datetime.fromisoformat(e["event_time"].replace("Z", "+00:00")).timestamp() > 0.9
               for e in events)
    assert 140 < late < 270
    assert {"session_id", "region", "watch_seconds", "buffering_ms"} <= set(events[0])


def test_what_cannot_be_sent_is_told(lake, served, kinesis):
    (lake.folder / "events.jsonl").write_text("{}\n")
    missing = lake.run("send", "events.jsonl", "--stream", "none", "--endpoint", served.url)
    assert missing.returncode == 1 and "ResourceNotFoundException" in missing.stderr
    assert send(lake, served, "there.jsonl").returncode == 1
    (lake.folder / "long.jsonl").write_text('{"viewer_id": 1}\n{"x": "' + "x" * (1 << 20) + '"}\n')
    long = send(lake, served, "long.jsonl")
    assert long.returncode == 3 and "long.jsonl, line 2" in long.stderr
    assert len(cloud.records_of(kinesis, "s")) == 1
    assert lake.run("send", "events.jsonl").returncode == 2


def test_live_events_of_two_runs_are_different_ones(lake, served, kinesis):
    for _ in range(2):
        assert send(lake, served, "--live", 100).returncode == 0
    assert len({json.loads(record["Data"])["event_id"] for record in cloud.records_of(kinesis, "s")}) == 200


def test_a_line_that_is_too_long_is_left_out_and_told(lake, served, kinesis):
    long = json.dumps({"viewer_id": 1, "text": "x" * 3_000_000})
    edge = json.dumps({"viewer_id": 2, "text": "y" * (1 << 20)})
    (lake.folder / "events.jsonl").write_text(f'{{"n": 1}}\n{long}\n{{"n": 2}}\n{edge}\n{{"n": 3}}\n{long}')
    done = send(lake, served, "events.jsonl")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["left_out"] == 3
    assert "events.jsonl, line 2 is left out: at most 1048576 bytes" in done.stderr
    assert {record["Data"] for record in cloud.records_of(kinesis, "s")} == {b'{"n": 1}', b'{"n": 2}', b'{"n": 3}'}
