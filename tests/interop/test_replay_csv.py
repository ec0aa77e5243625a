# SPDX-License-Identifier: Apache-2.0
"""CSV lines that did not fit come back from quarantine once their column takes them; read by PyIceberg and DuckDB."""

import datetime
import json
import signal
import subprocess
import time

import duckdb
import pyarrow

BIG = 3_000_000_000
TIME = "2026-11-01T05:30:00Z"


def begin(lake):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write('\n[stream.clicks]\nsource = "in"\n')
    (lake.folder / "in").mkdir()
    lake.must("query", "--write", "CREATE TABLE media.viewership_stream (event_id string, event_time timestamptz, "
              "views int, title string)")


def write(lake, name, text):
    (lake.folder / "in" / name).write_text(text, encoding="utf-8")


def widen(lake):
    lake.must("query", "--write", "ALTER TABLE media.viewership_stream ALTER COLUMN views TYPE bigint")


def table_rows(lake):
    rows = lake.catalog().load_table("media.viewership_stream").scan().to_arrow().to_pylist()
    return sorted((row["event_id"], row["views"], row["title"]) for row in rows)


def file_rows(lake):
    return sorted(duckdb.sql(f"SELECT event_id, views::BIGINT, title FROM read_parquet('{lake.folder}/lake/stream1/**/*"
                             ".parquet', hive_partitioning = true, union_by_name = true)").fetchall())


def quarantined(lake):
    return lake.catalog().load_table("media.quarantine").scan().to_arrow().to_pylist()


def replay(lake, *words):
    done = lake.run("--json", "stream", "replay-quarantine", "clicks", *words)
    report = json.loads(done.stdout)
    assert done.returncode == (3 if report["failing"] else 0), done.stderr
    return report


def test_lines_are_decoded_as_their_file_was_written(lake):
    begin(lake)
    # The same columns under two delimiters, in two orders; texts with line ends, quotes, delimiters.
    write(lake, "a.csv", f'event_id;views;title;event_time\na1;1;one;{TIME}\na2;{BIG};"two; ""and""\nmore";{TIME}\n'
          f"a3;x;three;{TIME}\na4;4;four\n")
    write(lake, "b.csv", f"event_id,views,title,event_time\nb1,1,one,{TIME}\nb2,{BIG},,{TIME}\nb3,3,a;b,{TIME}\n")
    write(lake, "c.tsv", f"title\tevent_time\tviews\tevent_id\nsix\t{TIME}\t{BIG}\tc1\nsix\t{TIME}\t6\tc2\n")
    write(lake, "d.jsonl", json.dumps({"event_id": "d1", "event_time": TIME, "views": BIG, "title": "json"}) + "\n")
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    fitting = [("a1", 1, "one"), ("b1", 1, "one"), ("b3", 3, "a;b"), ("c2", 6, "six")]
    assert table_rows(lake) == file_rows(lake) == fitting
    assert len(quarantined(lake)) == 6
    assert (report := replay(lake))["failing"] == 6 and report["replayed"] == 0
    # Nothing of the files is needed any more.
    for path in (lake.folder / "in").iterdir():
        path.unlink()
    widen(lake)
    dry = replay(lake, "--dry-run")
    assert (dry["replayed"], dry["repeated"], dry["failing"]) == (4, 0, 2)
    assert table_rows(lake) == fitting
    report = replay(lake)
    assert (report["replayed"], report["repeated"], report["failing"]) == (4, 0, 2)
    assert report["reasons"] == {"views: expected long": 1, "row has 3 fields, the file has 4 columns": 1}
    back = [("a2", BIG, 'two; "and"\nmore'), ("b2", BIG, None), ("c1", BIG, "six"), ("d1", BIG, "json")]
    assert table_rows(lake) == file_rows(lake) == sorted(fitting + back)
    assert sorted(row["raw"] for row in quarantined(lake)) == [f"a3;x;three;{TIME}".encode(), b"a4;4;four"]
    assert replay(lake)["replayed"] == 0
    assert table_rows(lake) == sorted(fitting + back)


def test_a_wrong_clock_costs_the_whole_record_and_comes_back(lake):
    begin(lake)
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=800)).strftime("%Y-%m-%dT%H:%M:%SZ")
    write(lake, "a.csv", f'event_id,title,event_time,views\na1,"x\ny",{TIME},1\na2,"p\nq",{later},2\na3,"r\ns",{TIME},3\n')
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    assert table_rows(lake) == [("a1", 1, "x\ny"), ("a3", 3, "r\ns")]
    assert [row["raw"] for row in quarantined(lake)] == [f'a2,"p\nq",{later},2'.encode()]
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write("ahead_hours = 100000\n")
    assert replay(lake)["replayed"] == 1
    assert table_rows(lake) == file_rows(lake) == [("a1", 1, "x\ny"), ("a2", 2, "p\nq"), ("a3", 3, "r\ns")]


def test_lines_kept_by_an_earlier_version_are_counted_and_stay(lake):
    begin(lake)
    text, number = pyarrow.string(), pyarrow.int64()
    schema = pyarrow.schema([pyarrow.field(name, kind, nullable=name == "column_name") for name, kind in (
        ("target_table", text), ("source_file", text), ("source_version", text), ("line", number),
        ("byte_offset", number), ("column_name", text), ("reason", text), ("raw", pyarrow.binary()),
        ("rejected_at", pyarrow.timestamp("us", "UTC")))])
    rows = [{"target_table": "media.viewership_stream", "source_file": f"file://{lake.folder}/in/old.csv.gz",
             "source_version": f"record-{n:016}", "line": 0, "byte_offset": n, "column_name": "views",
             "reason": "expected int, found 'x'", "raw": b"1,2,3", "rejected_at": datetime.datetime(2026, 1, 1)}
            for n in range(3)]
    catalog = lake.catalog()
    catalog.create_namespace_if_not_exists("media")
    catalog.create_table("media.quarantine", schema).append(pyarrow.Table.from_pylist(rows, schema))
    report = replay(lake)
    assert report["failing"] == 3 and list(report["reasons"].values()) == [3]
    assert "put it into a file with the header" in next(iter(report["reasons"]))
    # The next reject widens the table; the old rows stay what they are.
    write(lake, "a.csv", f"event_id,views,event_time\na1,{BIG},{TIME}\n")
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    assert len(quarantined(lake)) == 4
    widen(lake)
    report = replay(lake)
    assert (report["replayed"], report["failing"]) == (1, 3)
    assert table_rows(lake) == file_rows(lake) == [("a1", BIG, None)]


def test_kills_of_replays_lose_and_repeat_nothing(lake):
    begin(lake)
    lines = "".join(f"e{n},{BIG + n},{TIME},t{n}\n" for n in range(3000))
    write(lake, "a.csv", f"event_id,views,event_time,title\ne-1,1,{TIME},t\n" + lines)
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    assert len(quarantined(lake)) == 3000
    widen(lake)
    for tenths in range(1, 7):
        with subprocess.Popen([lake.binary, "stream", "replay-quarantine", "clicks"], cwd=lake.folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            time.sleep(tenths * 0.08)
            running.send_signal(signal.SIGKILL)
    lake.must("stream", "replay-quarantine", "clicks")
    expected = sorted([("e-1", 1, "t")] + [(f"e{n}", BIG + n, f"t{n}") for n in range(3000)])
    assert table_rows(lake) == expected and file_rows(lake) == expected
    assert not quarantined(lake)
