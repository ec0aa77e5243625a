# SPDX-License-Identifier: Apache-2.0
"""stream1/ as DuckDB and a crawl see it, in a directory and on S3; records back from quarantine; broken first input."""

import io
import json
import re
import signal
import subprocess
import time

import duckdb
import pyarrow.parquet
import pytest

import cloud
import faults
from test_s3 import KINDS, CloudLake

STREAM = '\n[stream.clicks]\nsource = "in"\n'


def configure(lake, more=""):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write(STREAM + more)
    (lake.folder / "in").mkdir(exist_ok=True)


def event(number, views=None):
    return json.dumps({"event_id": f"e{number}", "event_time": f"2026-11-{1 + number % 3:02}T{number % 24:02}:30:00Z",
                       "views": number if views is None else views})


def write(lake, name, lines):
    (lake.folder / "in" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def seen(lake):
    """What DuckDB reads: rows, different ids, sum of views, rows whose folder is not that of their time."""
    return duckdb.sql(f"""
        SELECT count(*), count(DISTINCT event_id), sum(views)::BIGINT,
               count(*) FILTER (event_date::VARCHAR <> strftime(event_time AT TIME ZONE 'UTC', '%Y-%m-%d')
                                OR hour::INT <> date_part('hour', event_time AT TIME ZONE 'UTC'))
        FROM read_parquet('{lake.folder}/lake/stream1/**/*.parquet', hive_partitioning = true)""").fetchone()


def test_the_files_are_partitioned_and_crawled(lake):
    configure(lake)
    write(lake, "a.jsonl", [event(n) for n in range(1000)] + [event(n) for n in range(0, 1000, 7)])
    lake.must("stream", "clicks", "--until-idle")
    assert seen(lake) == (1000, 1000, 499_500, 0)
    names = [path.name for path in (lake.folder / "lake" / "stream1").glob("*/*/*")]
    size = (lake.folder / "in" / "a.jsonl").stat().st_size
    assert all(re.fullmatch(rf"clicks-0{{12}}-a_2Ejsonl\.\.1024__[0-9a-f]{{16}}_3A{size}-\d+\.parquet", name)
               for name in names), names
    lake.must("crawl", "stream1/")
    assert lake.query("SELECT count(*) AS n, sum(views) AS s, count(DISTINCT event_date) AS d, "
                      "count(DISTINCT hour) AS h FROM media_raw.stream1") == [
                          {"n": 1000, "s": 499_500, "d": 3, "h": 24}]
    day = [n for n in range(1000) if n % 3 == 0]
    assert lake.query("SELECT count(*) AS n FROM media_raw.stream1 WHERE event_date = '2026-11-01'") == [
        {"n": len(day)}]
    # More of the stream, files turned off for a while, and on again: they take up where they were.
    write(lake, "b.jsonl", [event(n) for n in range(1000, 1100)])
    text = (lake.folder / "daypart.toml").read_text()
    (lake.folder / "daypart.toml").write_text(text + 'files = ""\n')
    done = json.loads(lake.must("--json", "stream", "clicks", "--until-idle"))
    assert [sink["sink"] for sink in done["sinks"]] == ["media.viewership_stream"]
    assert seen(lake)[0] == 1000
    (lake.folder / "daypart.toml").write_text(text)
    lake.must("stream", "clicks", "--until-idle")
    assert seen(lake)[:2] == (1100, 1100)
    assert lake.query("SELECT count(*) AS n FROM viewership_stream") == [{"n": 1100}]


def test_a_replay_brings_back_what_fits_by_now(lake):
    configure(lake)
    write(lake, "a.jsonl", [event(n) for n in range(300)])
    lake.must("stream", "clicks", "--until-idle")
    write(lake, "b.jsonl", [event(n, str(n)) for n in range(300, 350)] + ["{broken", event(5, "5")])
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    before = lake.run("--json", "stream", "replay-quarantine", "clicks")
    assert before.returncode == 3 and json.loads(before.stdout)["failing"] == 52
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write("coerce_strings = true\n")
    dry = json.loads(lake.run("--json", "stream", "replay-quarantine", "clicks", "--dry-run").stdout)
    assert (dry["replayed"], dry["repeated"], dry["failing"]) == (50, 1, 1)
    assert seen(lake)[0] == 300
    done = lake.run("--json", "stream", "replay-quarantine", "clicks")
    report = json.loads(done.stdout)
    assert done.returncode == 3 and (report["replayed"], report["repeated"], report["failing"]) == (50, 1, 1)
    rows = lake.catalog().load_table("media.viewership_stream").scan().to_arrow()
    assert sorted(rows["event_id"].to_pylist()) == sorted(f"e{n}" for n in range(350))
    assert sum(rows["views"].to_pylist()) == sum(range(350))
    assert seen(lake) == (350, 350, sum(range(350)), 0)
    kept = lake.catalog().load_table("media.quarantine").scan().to_arrow()
    assert kept["raw"].to_pylist() == [b"{broken"]


def test_kills_of_replays_lose_and_repeat_nothing(lake):
    configure(lake, "coerce_strings = true\n")
    write(lake, "a.jsonl", [event(0)])
    lake.must("stream", "clicks", "--until-idle")
    text = (lake.folder / "daypart.toml").read_text()
    (lake.folder / "daypart.toml").write_text(text.replace("coerce_strings = true", "coerce_strings = false"))
    write(lake, "b.jsonl", [event(n, str(n)) for n in range(1, 3000)])
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    (lake.folder / "daypart.toml").write_text(text)
    for tenths in range(1, 7):
        with subprocess.Popen([lake.binary, "stream", "replay-quarantine", "clicks"], cwd=lake.folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as replay:
            time.sleep(tenths * 0.08)
            replay.send_signal(signal.SIGKILL)
    lake.must("stream", "replay-quarantine", "clicks")
    assert seen(lake) == (3000, 3000, sum(range(3000)), 0)
    ids = lake.catalog().load_table("media.viewership_stream").scan().to_arrow()["event_id"].to_pylist()
    assert sorted(ids) == sorted(f"e{n}" for n in range(3000))
    assert len(lake.catalog().load_table("media.quarantine").scan().to_arrow()) == 0


def test_first_input_that_is_all_broken_reaches_quarantine(lake):
    configure(lake)
    write(lake, "a.jsonl", ["{broken", "[1, 2]", "nonsense"])
    for _ in range(2):
        done = lake.run("stream", "clicks", "--until-idle")
        assert done.returncode == 3, done.stderr
        assert len(lake.catalog().load_table("media.quarantine").scan().to_arrow()) == 3
    write(lake, "b.jsonl", [event(1)])
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    assert len(lake.catalog().load_table("media.quarantine").scan().to_arrow()) == 3
    assert lake.run("stream", "clicks", "--until-idle").returncode == 0
    assert seen(lake)[0] == 1


def test_a_server_that_is_not_there_is_named_and_a_stop_ends_the_wait(lake):
    (lake.folder / "events.jsonl").write_text('{"viewer_id": 1}\n')
    address = f"http://127.0.0.1:{cloud.free_port()}"
    with subprocess.Popen([lake.binary, "send", "events.jsonl", "--stream", "s", "--endpoint", address],
                          cwd=lake.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sender:
        start = time.monotonic()
        told = sender.stderr.readline()
        assert address in told and "is daypart serve running" in told and time.monotonic() - start < 5
        sender.send_signal(signal.SIGTERM)
        assert sender.wait(timeout=5) != 0
        assert "1 record is not acknowledged" in sender.stderr.read()


@pytest.fixture(scope="module", params=KINDS)
def server(request, tmp_path_factory):
    started = getattr(cloud, f"start_{request.param}")(tmp_path_factory.mktemp(request.param))
    yield started
    started.stop()


def test_files_on_s3(server, tmp_path):
    lake = CloudLake(tmp_path / "there", server)
    configure(lake)
    write(lake, "a.jsonl", [event(n) for n in range(100)])
    for _ in range(2):
        lake.must("stream", "clicks", "--until-idle")
    write(lake, "b.jsonl", [event(n) for n in range(100, 120)])
    lake.must("stream", "clicks", "--until-idle")
    files = [key for key in lake.objects() if key.startswith("demo/stream1/")]
    assert files and all("/event_date=2026-11-0" in key and "/hour=" in key for key in files)
    assert not [key for key in lake.objects() if "/pending/" in key]
    ids = []
    for key in files:
        body = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
        ids += pyarrow.parquet.read_table(io.BytesIO(body))["event_id"].to_pylist()
    assert sorted(ids) == sorted(f"e{n}" for n in range(120))
    lake.must("crawl", "stream1/")
    assert lake.query("SELECT count(*) AS n, count(event_date) AS d FROM media_raw.stream1") == [{"n": 120, "d": 120}]


def test_files_on_s3_move_side_by_side(server, tmp_path):
    proxy = faults.FaultProxy(server.url, delay=0.1)
    lake = CloudLake(tmp_path / "there", server, url=proxy.url)
    configure(lake)
    write(lake, "a.jsonl", [event(n) for n in range(24)])
    proxy.calls.clear()
    started = time.monotonic()
    lake.must("stream", "clicks", "--until-idle", "--no-windows")
    seconds = time.monotonic() - started
    moves = [call for call in proxy.calls if "/pending/" in call.path and call.method == "DELETE"]
    assert len(moves) == 24 and len([key for key in lake.objects() if key.startswith("demo/stream1/")]) == 24
    print(len(proxy.calls), "calls in", seconds, "s")
    # One after the other the copies and deletions alone take 4.8 s.
    assert seconds < 4.8, seconds
    proxy.stop()
