# SPDX-License-Identifier: Apache-2.0
"""From `daypart send` over the server's stream into an Iceberg table, each event once; read by PyIceberg."""

import json
import random
import re
import signal
import time

import boto3
import pytest

from serving import Served, wait_until

TABLE = "media.events"


def configure(lake, commit_seconds=1):
    with open(lake.folder / "daypart.toml", "a") as config:
        config.write(f'\n[stream.clicks]\ntable = "{TABLE}"\ncommit_seconds = {commit_seconds}\n')


def create_stream(server):
    boto3.client("kinesis", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="daypart",
                 aws_secret_access_key="daypart").create_stream(StreamName="clicks", ShardCount=2)


def write_events(lake, count, seed):
    """Lines of events, a tenth of them sent twice; returns how many are different."""
    chance = random.Random(seed)
    lines = [json.dumps({"event_id": f"e{n}", "viewer_id": n % 997, "event_time": "2026-11-24T20:15:30Z", "n": n})
             for n in range(count)]
    lines += chance.sample(lines, count // 10)
    (lake.folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    return count


def ids_of(lake):
    if not lake.catalog().table_exists(TABLE):
        return []
    return lake.catalog().load_table(TABLE).scan(selected_fields=("event_id",)).to_arrow()["event_id"].to_pylist()


def send(lake, server):
    return lake.must("send", "events.jsonl", "--stream", "clicks", "--endpoint", server.url)


def test_the_server_takes_a_configured_stream_in(lake):
    configure(lake)
    count = write_events(lake, 5000, seed=1)
    with Served(lake) as server:
        create_stream(server)  # after the job began to look for it
        send(lake, server)
        assert wait_until(lambda: len(ids_of(lake)) >= count), server.told()
        assert server.query(f"SELECT count(*) AS n, sum(n) AS s FROM {TABLE}") == [
            {"n": count, "s": count * (count - 1) // 2}]
        assert server.stop() == 0
    assert sorted(ids_of(lake)) == sorted(f"e{n}" for n in range(count))


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_of_the_server_cost_no_event_and_repeat_none(lake, seed):
    configure(lake)
    chance = random.Random(seed)
    count = write_events(lake, 20_000, seed)
    with Served(lake) as server:
        create_stream(server)
        send(lake, server)
        wait_until(lambda: False, chance.uniform(0, 1.2))
        server.stop(signal.SIGKILL)
    for _ in range(3):
        with Served(lake) as server:
            wait_until(lambda: False, chance.uniform(0, 1.5))
            server.stop(signal.SIGKILL)
    with Served(lake) as server:
        assert wait_until(lambda: len(ids_of(lake)) >= count), server.told()
        assert server.stop() == 0
    assert sorted(ids_of(lake)) == sorted(f"e{n}" for n in range(count))


def test_the_command_takes_the_lakes_own_stream_in(lake):
    missing = lake.run("stream", "clicks", "--until-idle")
    assert missing.returncode == 1 and "has no source" in missing.stderr and "daypart stream create clicks" in missing.stderr
    count = write_events(lake, 1000, seed=3)
    with Served(lake) as server:
        create_stream(server)
        send(lake, server)
        # Beside the server that writes the stream, and after it.
        lake.must("stream", "clicks", "--until-idle", "--table", TABLE)
        assert sorted(ids_of(lake)) == sorted(f"e{n}" for n in range(count))
        send(lake, server)
        assert server.stop() == 0
    lake.must("stream", "clicks", "--until-idle", "--table", TABLE)
    assert sorted(ids_of(lake)) == sorted(f"e{n}" for n in range(count))


def test_the_log_tells_what_it_waits_for_and_what_did_not_fit(lake):
    configure(lake)
    (lake.folder / "events.jsonl").write_text('{"event_id": "a", "n": 1}\n{"event_id": "b", "n": [1]}\n[1]\n')
    with Served(lake) as server:
        assert wait_until(lambda: "daypart stream create clicks" in server.told())
        create_stream(server)
        send(lake, server)
        assert wait_until(lambda: "replay-quarantine clicks" in server.told(), seconds=30), server.told()
        assert server.stop() == 0
        told = server.told()
    assert "error" not in told, told
    assert told.count("begins when it is made") == 1, told
    (line,) = [line for line in told.splitlines() if "replay-quarantine" in line]
    assert "warning" in line and "2 events did not fit" in line, line


def test_a_query_without_a_server_sees_what_the_log_holds(lake):
    configure(lake)
    with open(lake.folder / "daypart.toml") as config:
        quick = config.read()

    def lines(first, last):
        text = "".join(json.dumps({"event_id": f"e{n}", "n": n}) + "\n" for n in range(first, last))
        (lake.folder / "events.jsonl").write_text(text)

    def counted():
        rows = json.loads(lake.must("--json", "query", f"SELECT count(*) AS rows, count(DISTINCT event_id) AS ids, "
                                    f"sum(n)::BIGINT AS s FROM {TABLE}"))
        return rows[0]["rows"], rows[0]["ids"], rows[0]["s"]

    with Served(lake) as server:
        create_stream(server)
        lines(0, 1000)
        send(lake, server)
        assert wait_until(lambda: len(ids_of(lake)) == 1000)
        assert server.stop() == 0
    (lake.folder / "daypart.toml").write_text(quick.replace("commit_seconds = 1", "commit_seconds = 3600"))
    with Served(lake) as server:
        lines(500, 3000)  # the first 500 are repeats
        send(lake, server)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    assert len(ids_of(lake)) == 1000
    whole = (3000, 3000, 3000 * 2999 // 2)
    assert counted() == whole
    note = lake.run("query", f"SELECT max(n) FROM {TABLE}").stderr
    assert "2,000 rows of streams not committed yet" in note, note
    # Beside another program's commit and after the stream's own.
    lake.must("query", "--write", f"DELETE FROM {TABLE} WHERE n = 7")
    assert counted() == (2999, 2999, whole[2] - 7)
    lake.must("stream", "clicks", "--until-idle")
    assert counted() == (2999, 2999, whole[2] - 7)
    assert len(ids_of(lake)) == 2999
    assert "not committed" not in lake.run("query", f"SELECT max(n) FROM {TABLE}").stderr


def test_a_query_without_a_server_tells_how_many_records_it_leaves_out(lake):
    configure(lake, commit_seconds=3600)
    with Served(lake) as server:
        create_stream(server)
        assert server.stop() == 0
    count = write_events(lake, 20_000, seed=4) * 11 // 10  # with the repeated ones
    # Nothing takes the stream in: its records are in the log, and there is no table.
    config = (lake.folder / "daypart.toml").read_text()
    (lake.folder / "daypart.toml").write_text(config.partition("\n[stream.clicks]")[0])
    with Served(lake) as server:
        send(lake, server)
        assert server.stop() == 0
    (lake.folder / "daypart.toml").write_text(config)
    no_table = lake.run("query", f"SELECT count(*) FROM {TABLE}")
    assert no_table.returncode == 1 and f"is not there" in no_table.stderr
    assert f"{count:,} records of it wait for the table {TABLE}" in no_table.stderr, no_table.stderr
    assert "daypart stream clicks --until-idle" in no_table.stderr
    lake.must("query", "--write", f"CREATE TABLE {TABLE} (event_id STRING, viewer_id BIGINT, n BIGINT)")
    whole = lake.run("query", f"SELECT count(*) AS rows FROM {TABLE}", "--format", "json")
    assert json.loads(whole.stdout) == [{"rows": 20_000}] and not whole.stderr, whole.stderr
    # More than the memory holds: what is there and what is told come to all, and a quick look repeats no row.
    (lake.folder / "daypart.toml").write_text(config + 'memory = "256KiB"\ndedupe_rows = 0\n')
    part = lake.run("query", f"SELECT count(*) AS rows FROM {TABLE}", "--format", "json")
    rows = json.loads(part.stdout)[0]["rows"]
    assert 0 < rows < count and f"its {count - rows:,} newest records, not committed" in part.stderr, (rows, part)
    lake.must("stream", "clicks", "--until-idle")
    whole = lake.run("query", f"SELECT count(*) AS rows FROM {TABLE}", "--format", "json")
    assert json.loads(whole.stdout) == [{"rows": count}] and not whole.stderr, whole.stderr


def test_a_query_does_not_wait_for_a_server_that_is_stopped(lake):
    configure(lake)
    with Served(lake) as server:
        create_stream(server)
        (lake.folder / "events.jsonl").write_text("".join(f'{{"event_id":"e{n}","n":{n}}}\n' for n in range(10)))
        send(lake, server)
        assert wait_until(lambda: len(ids_of(lake)) == 10)
        server.process.send_signal(signal.SIGSTOP)
        try:
            done = lake.run("--json", "query", f"SELECT count(*) AS n FROM {TABLE}")
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert json.loads(done.stdout) == [{"n": 10}] and "did not answer" in done.stderr
        assert json.loads(lake.must("--json", "query", f"SELECT count(*) AS n FROM {TABLE}")) == [{"n": 10}]


def test_a_stream_that_is_deleted_and_made_again_goes_on(lake):
    configure(lake)

    def lines(first, last):
        text = "".join(json.dumps({"event_id": f"e{n}", "n": n}) + "\n" for n in range(first, last))
        (lake.folder / "events.jsonl").write_text(text)

    with Served(lake) as server:
        create_stream(server)
        lines(0, 1000)
        send(lake, server)
        assert wait_until(lambda: len(ids_of(lake)) == 1000)
        kinesis = boto3.client("kinesis", endpoint_url=server.url, region_name="us-east-1",
                               aws_access_key_id="daypart", aws_secret_access_key="daypart")
        time.sleep(1.1)  # streams of one second have the same sequence numbers
        kinesis.delete_stream(StreamName="clicks")
        create_stream(server)
        lines(500, 1500)
        send(lake, server)
        assert wait_until(lambda: len(ids_of(lake)) == 1500, seconds=20), server.told()
        assert "was deleted and made anew" in server.told()
        time.sleep(1.1)
        kinesis.delete_stream(StreamName="clicks")
        assert server.stop() == 0
    with Served(lake) as server:
        create_stream(server)
        lines(1400, 2000)
        send(lake, server)
        assert wait_until(lambda: len(ids_of(lake)) == 2000, seconds=20), server.told()
        assert server.stop() == 0
    assert sorted(ids_of(lake)) == sorted(f"e{n}" for n in range(2000))


def test_what_waits_for_a_failing_sink_shows_in_the_metrics(lake):
    configure(lake)
    write_events(lake, 100, seed=1)
    # The files have no folder to go to; the table goes on without them.
    (lake.folder / "lake" / "stream1").write_text("no folder")

    def behind(server):
        text = server.ask("/metrics")[2].decode()
        found = re.findall(r'^(daypart_stream\w*behind_seconds){stream="clicks"(?:,sink="([^"]+)")?} (\S+)$', text, re.M)
        return {(name, sink): float(value) for name, sink, value in found}

    with Served(lake) as server:
        create_stream(server)
        send(lake, server)
        assert wait_until(lambda: len(ids_of(lake)) == 100), server.told()
        assert wait_until(lambda: behind(server).get(("daypart_stream_behind_seconds", ""), 0) > 3), server.told()
        seconds = behind(server)
        sinks = {sink: value for (name, sink), value in seconds.items() if sink}
        assert len(sinks) == 2 and sinks[TABLE] < 2, seconds
        assert max(sinks.values()) == seconds["daypart_stream_behind_seconds", ""] > 3
        assert seconds["daypart_stream_read_behind_seconds", ""] == 0
        # Once it can, it catches up.
        (lake.folder / "lake" / "stream1").unlink()
        assert wait_until(lambda: behind(server)["daypart_stream_behind_seconds", ""] < 2, seconds=60), server.told()
        assert server.stop() == 0
