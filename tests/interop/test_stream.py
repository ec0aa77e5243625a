# SPDX-License-Identifier: Apache-2.0
"""`daypart stream`: every event once, whenever the consumer is killed; read by PyIceberg and DuckDB."""

import json
import os
import pathlib
import random
import signal
import subprocess

import pytest

DAYPART = os.environ.get("DAYPART", "build/daypart")
EVENTS = 60_000


def run(lake, *words, check=True):
    done = subprocess.run([DAYPART, *words], cwd=lake, capture_output=True, text=True, check=False)
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(name="lake")
def fixture_lake(tmp_path):
    run(tmp_path, "init", "lake")
    lake = tmp_path / "lake"
    # Small epochs, so that a kill finds a commit under way.
    with open(lake / "daypart.toml", "a", encoding="utf-8") as config:
        config.write('\n[stream.clicks]\nsource = "in"\ncommit_size = "64KiB"\n')
    (lake / "in").mkdir()
    return lake


def event(number):
    return json.dumps({"event_id": f"e{number}", "viewer_id": number % 1000,
                       "event_time": f"2025-11-{1 + number % 3:02}T{number % 24:02}:00:00Z",
                       "region": ("north", "south")[number % 2]}, separators=(",", ":"))


def write_events(folder, seed):
    """Files of events, a tenth of them sent twice; returns the ids that must come out once each."""
    chance = random.Random(seed)
    lines = [event(number) for number in range(EVENTS)]
    lines += chance.sample(lines, EVENTS // 10)
    for part in range(4):
        text = "\n".join(lines[part::4]) + "\n"
        (folder / f"part-{part}.jsonl").write_text(text, encoding="utf-8")
    return {f"e{number}" for number in range(EVENTS)}


def table_ids(lake):
    pyiceberg = pytest.importorskip("pyiceberg.catalog.sql")
    catalog = pyiceberg.SqlCatalog("daypart", uri=f"sqlite:///{lake}/lake/catalog.db",
                                   warehouse=f"file://{lake}/lake")
    table = catalog.load_table("media.viewership_stream")
    return table.scan(selected_fields=("event_id",)).to_arrow()["event_id"].to_pylist()


@pytest.mark.parametrize("seed", [1, 2])
def test_each_event_is_there_once_after_kills(lake, seed):
    print("seed", seed)
    expected = write_events(lake / "in", seed)
    chance = random.Random(seed)
    for _ in range(12):
        with subprocess.Popen([DAYPART, "stream", "clicks", "--until-idle"], cwd=lake,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as consumer:
            try:
                consumer.wait(timeout=chance.uniform(0.02, 0.5))
            except subprocess.TimeoutExpired:
                consumer.send_signal(signal.SIGKILL)
    done = run(lake, "stream", "clicks", "--until-idle")
    assert "viewership_stream" in done.stdout
    ids = table_ids(lake)
    assert len(ids) == len(expected)
    assert set(ids) == expected


def test_growing_files_broken_lines_and_new_keys(lake):
    folder = pathlib.Path(lake / "in")
    (folder / "a.jsonl").write_text(event(1) + "\n" + event(2) + "\n", encoding="utf-8")
    run(lake, "stream", "clicks", "--until-idle")
    with open(folder / "a.jsonl", "a", encoding="utf-8") as file:
        file.write(event(3) + "\n{broken\n" + event(2) + "\n" + event(4)[:-1] + ',"score":1.5}\n')
    (folder / "b.csv").write_text("event_id,event_time,region\ne5,2025-11-01T01:00:00Z,east\n",
                                  encoding="utf-8")
    done = run(lake, "stream", "clicks", "--until-idle", check=False)
    assert done.returncode == 3, done.stderr
    assert sorted(table_ids(lake)) == ["e1", "e2", "e3", "e4", "e5"]
    out = run(lake, "query", "--format", "json",
              "SELECT event_id, score FROM viewership_stream WHERE score IS NOT NULL").stdout
    assert "1.5" in out and "e4" in out
    out = run(lake, "query", "--format", "json", "SELECT raw FROM quarantine").stdout
    assert len(out.strip().splitlines()) >= 1 and "quarantine" not in out
    # Nothing new: nothing is committed.
    before = run(lake, "snapshots", "media.viewership_stream").stdout
    run(lake, "stream", "clicks", "--until-idle")
    assert run(lake, "snapshots", "media.viewership_stream").stdout == before


def test_a_stream_without_a_source_says_what_to_do(lake):
    done = run(lake, "stream", "other", check=False)
    assert done.returncode == 1
    assert "--from FOLDER" in done.stderr

def rows(lake, sql):
    return json.loads(run(lake, "query", sql, "--json").stdout)


def test_headers_that_come_up_become_columns(lake):
    (lake / "in" / "a.csv").write_text("event_id,a\n1,10\n", encoding="utf-8")
    run(lake, "stream", "clicks", "--until-idle")
    (lake / "in" / "b.csv").write_text("event_id,a,b,c\n2,20,30,\n3,21,31,x\n", encoding="utf-8")
    run(lake, "stream", "clicks", "--until-idle")
    assert rows(lake, "SELECT event_id, a, b, c FROM media.viewership_stream ORDER BY 1") == [
        {"event_id": 1, "a": 10, "b": None, "c": None}, {"event_id": 2, "a": 20, "b": 30, "c": None},
        {"event_id": 3, "a": 21, "b": 31, "c": "x"}]


def test_a_nul_byte_costs_its_record_only_and_useless_keys_are_told(lake):
    (lake / "in" / "a.jsonl").write_bytes(b'{"event_id":"a","v":1}\n{"event_id":"b\0","v":2}\n'
                                          b'{"event_id":"c","v":3,"tags":["x"]}\n')
    done = run(lake, "stream", "clicks", "--until-idle", check=False)
    assert done.returncode == 3 and "takes no values of tags" in done.stderr
    assert sorted(table_ids(lake)) == ["a", "c"]
    assert rows(lake, "SELECT count(*) AS n FROM media.quarantine") == [{"n": 1}]


def test_keys_behind_long_lines_become_columns(lake):
    (lake / "in" / "0.jsonl").write_text('{"event_id":"0","v":1}\n', encoding="utf-8")
    run(lake, "stream", "clicks", "--until-idle")
    (lake / "in" / "a.jsonl").write_text(
        json.dumps({"event_id": "1", "v": 2, "n1": "x" * 6_000_000}) + "\n" + '{"event_id":"2","n2":7}\n' +
        json.dumps({"event_id": "3", "n3": 1, "t": "y" * 6_000_000}) + "\n" + '{"event_id":"4","n4":8}\n',
        encoding="utf-8")
    run(lake, "stream", "clicks", "--until-idle")
    assert rows(lake, "SELECT sum(length(n1)) AS n1, sum(n2) AS n2, sum(n3) AS n3, sum(length(t)) AS t, sum(n4) AS n4 "
                      "FROM media.viewership_stream") == [{"n1": 6_000_000, "n2": 7, "n3": 1, "t": 6_000_000, "n4": 8}]


def test_a_rollback_behind_expired_snapshots_takes_the_stream_back(lake):
    def add(number):
        (lake / "in" / f"{number}.jsonl").write_text(f'{{"event_id":"a{number}","v":{number}}}\n', encoding="utf-8")
        run(lake, "stream", "clicks", "--until-idle")
    add(1)
    add(2)
    run(lake, "maintain", "media.viewership_stream", "compact")
    add(3)
    run(lake, "maintain", "media.viewership_stream", "expire", "--older-than-hours", "0", "--keep", "2")
    compacted = rows(lake, "SELECT snapshot_id FROM media.viewership_stream$snapshots WHERE operation = 'replace'")
    run(lake, "query", "--write", "CALL system.rollback_to_snapshot(table => 'media.viewership_stream', "
        f"snapshot_id => {compacted[0]['snapshot_id']})")
    assert sorted(table_ids(lake)) == ["a1", "a2"]
    run(lake, "stream", "clicks", "--until-idle")
    assert sorted(table_ids(lake)) == ["a1", "a2", "a3"]


def test_a_renamed_column_is_filled_by_its_old_key_and_its_new_one(lake):
    folder = pathlib.Path(lake / "in")
    (folder / "a.jsonl").write_text(event(1) + "\n" + event(2) + "\n", encoding="utf-8")
    run(lake, "stream", "clicks", "--until-idle")
    for old, new in (("event_id", "id"), ("event_time", "moment"), ("region", "area")):
        run(lake, "query", "--write", f"ALTER TABLE media.viewership_stream RENAME COLUMN {old} TO {new}")
    # Producers that do not know of it, events of before among theirs, and one that does.
    (folder / "b.jsonl").write_text("\n".join(map(event, (1, 2, 3))) + "\n", encoding="utf-8")
    (folder / "c.csv").write_text("event_id,event_time,region\ne4,2025-11-01T01:00:00Z,east\ne3,,\n", encoding="utf-8")
    known = json.dumps({"id": "e5", "moment": "2025-11-02T01:00:00Z", "area": "west"})
    (folder / "d.jsonl").write_text(known + "\n" + known + "\n", encoding="utf-8")
    # One that names a column twice over is asked what it means.
    (folder / "e.jsonl").write_text('{"id": "e6", "event_id": "e7"}\n', encoding="utf-8")
    run(lake, "stream", "clicks", "--until-idle", check=False)
    found = rows(lake, "SELECT id, area, epoch(moment)::BIGINT AS moment FROM viewership_stream ORDER BY id")
    assert [row["id"] for row in found] == ["e1", "e2", "e3", "e4", "e5"]
    assert [row["area"] for row in found] == ["south", "north", "south", "east", "west"]
    assert all(row["moment"] is not None for row in found)
    columns = rows(lake, "SELECT * FROM viewership_stream LIMIT 1")[0].keys()
    assert "event_id" not in columns and "event_time" not in columns
    reasons = rows(lake, "SELECT column_name, reason FROM quarantine")
    assert [row["reason"] for row in reasons] == ["expected the key once, found it again"], reasons
    duckdb = pytest.importorskip("duckdb")
    files = f"{lake}/lake/stream1/**/*.parquet"
    listed = duckdb.sql(f"SELECT coalesce(id, event_id), count(*), max(event_date)::VARCHAR FROM read_parquet('{files}', "
                        "hive_partitioning = true, union_by_name = true) GROUP BY 1 ORDER BY 1").fetchall()
    assert [row[:2] for row in listed] == [(f"e{i}", 1) for i in range(1, 6)]
    assert all(row[2].startswith("2025-11-0") for row in listed), listed


@pytest.mark.parametrize("ids", [[1.5, 2.25, 1e300], [True, False], ["2026-11-01", "2026-11-02"],
                                 ["2026-11-01T00:00:00Z", "2026-11-01T00:00:01Z"]], ids=str)
def test_ids_of_any_plain_type_are_known_again(lake, ids):
    def write(name):
        text = "".join(json.dumps({"event_id": value, "n": n}) + "\n" for n, value in enumerate(ids))
        (lake / "in" / name).write_text(text, encoding="utf-8")
    write("a.jsonl")
    run(lake, "stream", "clicks", "--until-idle")
    write("b.jsonl")
    run(lake, "stream", "clicks", "--until-idle")
    assert [row["n"] for row in rows(lake, "SELECT n FROM viewership_stream ORDER BY n")] == list(range(len(ids)))


def test_a_rollback_to_another_programs_snapshot_finds_how_far_the_stream_was(lake):
    pyiceberg = pytest.importorskip("pyiceberg.catalog.sql")

    def add(number):
        (lake / "in" / f"{number}.jsonl").write_text(f'{{"event_id":"a{number}"}}\n', encoding="utf-8")
        run(lake, "stream", "clicks", "--until-idle")
    add(1)
    table = pyiceberg.SqlCatalog("daypart", uri=f"sqlite:///{lake}/lake/catalog.db",
                                 warehouse=f"file://{lake}/lake").load_table("media.viewership_stream")
    table.append(table.scan().to_arrow().set_column(0, "event_id", [["py"]]))
    foreign = table.current_snapshot().snapshot_id
    add(2)
    run(lake, "maintain", "media.viewership_stream", "expire", "--older-than-hours", "0", "--keep", "2")
    run(lake, "query", "--write", "CALL system.rollback_to_snapshot(table => 'media.viewership_stream', "
        f"snapshot_id => {foreign})")
    assert sorted(table_ids(lake)) == ["a1", "py"]
    run(lake, "stream", "clicks", "--until-idle")
    assert sorted(table_ids(lake)) == ["a1", "a2", "py"]


def test_keys_beyond_the_limit_of_columns_cost_no_other_key(lake):
    (lake / "in" / "0.jsonl").write_text('{"event_id":"0","v":1}\n', encoding="utf-8")
    run(lake, "stream", "clicks", "--until-idle")
    many = {f"k{number:04}": number for number in range(1_200)}
    (lake / "in" / "a.jsonl").write_text(json.dumps({"event_id": "1", "v": 2, **many}) + "\n", encoding="utf-8")
    done = run(lake, "stream", "clicks", "--until-idle", check=False)
    assert "takes no values of k0" in done.stderr and "beyond the limit of columns" in done.stderr
    (row,) = rows(lake, "SELECT * FROM media.viewership_stream WHERE event_id = '1'")
    assert len(row) == 1_000 and row["v"] == 2
    filled = {key for key in many if key in row}
    assert len(filled) == 998 and all(row[key] == many[key] for key in filled)
    assert sorted(table_ids(lake)) == ["0", "1"]
