# SPDX-License-Identifier: Apache-2.0
"""Committed rows and those of a stream's tail as one table: while a producer sends numbered events (and some of them
again), with commits every second, compactions and a new field on the way, each answer is held to a plain model. An
event is in the answer once if it was acknowledged before the query began, and not at all if it was not yet sent."""

import json
import random
import signal
import sqlite3
import threading
import time

import boto3
import pytest

from serving import Served, wait_until

TABLE = "media.events"
SEED = 20261125
SECONDS = 12.0
BATCH = 400


class Model:
    """What the producer has done, told before and after each call."""

    def __init__(self):
        self.sent = 0          # events below this number may be there
        self.acknowledged = 0  # events below this number must be there
        self.evolved = None    # events from here on have the field `extra`


def configure(lake, commit_seconds=1):
    with open(lake.folder / "daypart.toml", "a") as config:
        config.write(f'\n[stream.clicks]\ntable = "{TABLE}"\ncommit_seconds = {commit_seconds}\n')


def client(server):
    return boto3.client("kinesis", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="daypart",
                        aws_secret_access_key="daypart")


def event(model, number):
    fields = {"event_id": f"e{number}", "viewer_id": number % 997, "event_time": "2026-11-24T20:15:30Z", "n": number,
              "region": f"region {number % 7}"}
    if model.evolved is not None and number >= model.evolved:
        fields["extra"] = number * 2
    return {"Data": json.dumps(fields), "PartitionKey": str(number % 101)}


def produce(server, model, stop, chance, failures):
    kinesis = client(server)
    try:
        while not stop.is_set():
            first, last = model.sent, model.sent + BATCH
            model.sent = last
            records = [event(model, number) for number in range(first, last)]
            assert kinesis.put_records(StreamName="clicks", Records=records)["FailedRecordCount"] == 0
            if chance.random() < 0.2:  # the answer was lost, as it were
                again = chance.sample(records, BATCH // 4)
                assert kinesis.put_records(StreamName="clicks", Records=again)["FailedRecordCount"] == 0
            model.acknowledged = last
            time.sleep(chance.uniform(0, 0.03))
    except Exception as failure:
        failures.append(failure)


SQL = """SELECT count(*) AS rows, count(DISTINCT event_id) AS ids, count(*) FILTER (n < {known}) AS known,
                coalesce(max(n), -1) AS greatest, coalesce(min(n), 0) AS least, coalesce(sum(n), 0) AS sum,
                (SELECT count(*) FROM media.events) AS rows_again{extra} FROM media.events"""


def check(server, model, stop, failures, answers):
    """Asks until told to stop, and holds each answer to what the model said before and after it."""
    rows_before, greatest_before = 0, -1
    has_extra = False
    try:
        while not stop.is_set():
            known, evolved = model.acknowledged, model.evolved
            extra = f", count(*) FILTER (extra = 2 * n) AS extra, count(extra) AS filled" if has_extra else ""
            answer = server.query(SQL.format(known=known, extra=extra))[0]
            sent = model.sent
            assert answer["rows"] == answer["ids"], answer
            assert answer["rows"] == answer["rows_again"], answer
            assert answer["known"] == known, (answer, known)
            assert known <= answer["rows"] <= sent and answer["greatest"] < sent, (answer, known, sent)
            assert answer["least"] == 0 and answer["greatest"] >= known - 1, (answer, known)
            assert answer["rows"] >= rows_before and answer["greatest"] >= greatest_before, answer
            if answer["rows"] == answer["greatest"] + 1:
                assert answer["sum"] == answer["greatest"] * (answer["greatest"] + 1) // 2, answer
            if has_extra:
                assert answer["extra"] == answer["filled"] >= max(known - evolved, 0), (answer, known, evolved)
            rows_before, greatest_before = answer["rows"], answer["greatest"]
            answers.append(answer["rows"])
            if evolved is not None and not has_extra:
                has_extra = any(column["column_name"] == "extra" for column in server.query(f"DESCRIBE {TABLE}"))
    except Exception as failure:
        failures.append(failure)


def test_answers_hold_each_acknowledged_event_once_beside_commits_compaction_and_evolution(lake):
    print("seed", SEED)
    configure(lake)
    model, stop, failures, answers = Model(), threading.Event(), [], []
    with Served(lake) as server:
        client(server).create_stream(StreamName="clicks", ShardCount=3)
        produce_once = threading.Event()
        first = threading.Thread(target=produce, args=(server, model, produce_once, random.Random(SEED), failures))
        first.start()
        assert wait_until(lambda: lake.catalog().table_exists(TABLE)), server.told()
        checks = [threading.Thread(target=check, args=(server, model, stop, failures, answers)) for _ in range(3)]
        for thread in checks:
            thread.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and not failures:
            time.sleep(SECONDS / 6)
            if model.evolved is None and end - time.monotonic() < SECONDS / 2:
                model.evolved = model.sent + 5 * BATCH
            lake.must("maintain", TABLE, "compact")
        produce_once.set()
        first.join()
        stop.set()
        for thread in checks:
            thread.join()
        assert not failures, (failures, server.told()[-2000:])
        assert server.query(f"SELECT count(*) AS n FROM {TABLE}") == [{"n": model.sent}]
        assert server.metric('daypart_job_runs_total{job="stream clicks",outcome="failed"}') <= 5, server.told()
        assert server.stop() == 0
    table = lake.catalog().load_table(TABLE)
    rows = table.scan(selected_fields=("n", "event_id", "extra")).to_arrow().to_pydict()
    assert sorted(rows["n"]) == list(range(model.sent))
    assert len(set(rows["event_id"])) == model.sent
    assert all(extra == (2 * n if n >= model.evolved else None) for n, extra in zip(rows["n"], rows["extra"]))
    commits = sum(1 for snapshot in table.metadata.snapshots if snapshot.summary.operation.value == "append")
    assert commits >= 5 and len(answers) >= 30, (commits, len(answers))
    print(model.sent, "events", len(answers), "answers", commits, "commits")


def test_another_process_sees_what_the_server_sees(lake):
    configure(lake, commit_seconds=3600)
    assert lake.query("SELECT 1 AS one") == [{"one": 1}]
    with Served(lake) as server:
        kinesis = client(server)
        kinesis.create_stream(StreamName="clicks", ShardCount=2)
        model = Model()
        kinesis.put_records(StreamName="clicks", Records=[event(model, number) for number in range(300)])
        assert wait_until(lambda: lake.catalog().table_exists(TABLE)), server.told()
        kinesis.put_records(StreamName="clicks", Records=[event(model, number) for number in range(200, 500)])
        told = f"SELECT count(*) AS rows, count(DISTINCT event_id) AS ids, sum(n) AS sum FROM {TABLE}"
        expected = [{"rows": 500, "ids": 500, "sum": 499 * 500 // 2}]
        assert lake.query(told) == expected
        assert lake.catalog().load_table(TABLE).scan().to_arrow().num_rows == 0  # nothing is committed yet
        assert server.metric('daypart_stream_tail_rows{stream="clicks"}') == 500
        wrong = lake.run("query", "SELECT nothing FROM media.events")
        assert wrong.returncode == 1 and "nothing" in wrong.stderr
        server.stop(signal.SIGKILL)
    assert (lake.folder / "lake" / "server.json").exists()  # left by the kill, and known for dead
    assert lake.query(told) == expected  # from the log
    with Served(lake) as server:
        assert wait_until(lambda: lake.query(told) == expected), server.told()
        assert server.stop() == 0
    assert lake.query(told) == expected


def test_an_answer_that_may_lack_rows_says_so(lake):
    configure(lake, commit_seconds=3600)
    with Served(lake) as server:
        kinesis = client(server)
        kinesis.create_stream(StreamName="clicks", ShardCount=1)
        model = Model()
        kinesis.put_records(StreamName="clicks", Records=[event(model, number) for number in range(100)])
        counted = f"SELECT count(*) AS rows FROM {TABLE}"
        assert wait_until(lambda: lake.catalog().table_exists(TABLE) and server.query(counted) == [{"rows": 100}])
        assert server.ask("/query", counted)[1]["daypart-tables-behind"] is None
        # The new key cannot get its column: a writer holds the catalog, so that its commit waits.
        catalog = sqlite3.connect(lake.folder / "lake" / "catalog.db", isolation_level=None)
        catalog.execute("BEGIN IMMEDIATE")
        model.evolved = 100
        kinesis.put_records(StreamName="clicks", Records=[event(model, number) for number in range(100, 200)])
        status, headers, body = server.ask("/query", counted)
        assert status == 200 and json.loads(body) == [{"rows": 100}] and headers["daypart-tables-behind"] == TABLE
        told = lake.run("--json", "query", counted)
        assert json.loads(told.stdout) == [{"rows": 100}] and f"{TABLE}: the newest rows of streams" in told.stderr, told
        catalog.execute("ROLLBACK")
        catalog.close()
        whole = [{"rows": 200}]
        assert wait_until(lambda: server.query(counted) == whole), server.told()
        assert server.ask("/query", counted)[1]["daypart-tables-behind"] is None
        assert server.query(f"SELECT count(extra) AS rows FROM {TABLE}") == [{"rows": 100}]
        assert server.stop() == 0
