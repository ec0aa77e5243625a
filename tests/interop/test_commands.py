# SPDX-License-Identifier: Apache-2.0
"""What the commands do beyond the plain case, seen from outside."""

import json
import os
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_pipeline import figures, prepare


def test_parquet_files_are_loaded_by_column_name(lake):
    table = pa.table({
        "id": pa.array([1, 2, None], pa.int64()),
        "tags": pa.array([["a", None], [], None], pa.list_(pa.string())),
        "place": pa.array([{"x": 1.5, "y": "n"}, None, {"x": None, "y": ""}],
                          pa.struct([("x", pa.float64()), ("y", pa.string())])),
    })
    pq.write_table(table, lake.folder / "first.parquet")
    pq.write_table(table.select(["place", "id", "tags"]), lake.folder / "second.parquet")
    lake.must("load", "media.places", "first.parquet", "second.parquet")
    read = lake.catalog().load_table("media.places").scan().to_arrow()
    assert read.num_rows == 6
    expected = sorted(map(str, table.to_pylist() * 2))
    assert sorted(map(str, read.select(["id", "tags", "place"]).to_pylist())) == expected
    ours = lake.query("SELECT id, tags, place FROM media.places")
    assert sorted(map(str, ours)) == expected


def test_a_raw_parquet_table_with_partitions_is_queried_and_taken_in(lake):
    for day, ids in (("2026-01-01", [1, 2]), ("2026-01-02", [3])):
        folder = lake.folder / "lake" / "raw" / "sales" / f"day={day}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"Sale Id": ids, "amount": [float(i) for i in ids]}),
                       folder / "part.parquet")
    lake.must("crawl", "raw/")
    rows = lake.query("SELECT sale_id, amount, CAST(day AS VARCHAR) AS day FROM media_raw.sales "
                      "ORDER BY sale_id")
    assert rows == [{"sale_id": 1, "amount": 1.0, "day": "2026-01-01"},
                    {"sale_id": 2, "amount": 2.0, "day": "2026-01-01"},
                    {"sale_id": 3, "amount": 3.0, "day": "2026-01-02"}]
    pipeline = lake.folder / "sql" / "pipelines" / "sales"
    pipeline.mkdir(parents=True)
    (pipeline / "pipeline.toml").write_text(
        '[[task]]\nname = "sales"\nsource = "media_raw.sales"\ntarget = "media.sales"\n'
        'key = ["sale_id"]\nsql = "sales.sql"\n')
    (pipeline / "sales.sql").write_text("SELECT sale_id, amount, day FROM media_raw.sales")
    lake.must("run", "sales")
    assert lake.catalog().load_table("media.sales").scan().to_arrow().num_rows == 3
    again = json.loads(lake.must("--json", "run", "sales"))
    assert again[0]["outcome"] == "up to date"


def test_a_raw_table_may_be_named_twice_in_a_statement(lake):
    prepare(lake)
    rows = lake.query("SELECT COUNT(*) AS n FROM media_raw.ad_revenue a "
                      "JOIN media_raw.ad_revenue b ON a.ad_id = b.ad_id")
    with open(lake.folder / "data" / "ad_revenue.csv") as file:
        assert rows == [{"n": sum(1 for _ in file) - 1}]


def test_the_delimiter_can_be_told(lake):
    result = lake.load("media.odd", "a~b\n1~x,y\n2~z\n", "--delimiter", "~")
    assert result.returncode == 0, result.stderr
    assert lake.query("SELECT a, b FROM media.odd ORDER BY a") == [
        {"a": 1, "b": "x,y"}, {"a": 2, "b": "z"}]
    wrong = lake.load("media.odd2", "a~b\n1~x\n", "--delimiter", "ab")
    assert wrong.returncode == 1 and "one character" in wrong.stderr


def test_full_refresh_drops_rows_whose_files_are_gone(lake):
    prepare(lake)
    lake.must("run")
    before = figures(lake)
    path = lake.folder / "lake" / "raw" / "data" / "viewership_logs.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-100]))
    lake.must("run", "--full-refresh", "--task", "viewership")
    rows, _ = figures(lake)
    assert rows == before[0] - 100
    again = json.loads(lake.must("--json", "run"))
    assert {task["outcome"] for task in again} == {"up to date"}


def test_a_row_is_quarantined_once_however_often_its_file_is_taken_in(lake):
    prepare(lake, "--faults")
    assert lake.run("run").returncode == 3
    count = "SELECT COUNT(*) AS n FROM media.quarantine"
    before = lake.query(count)
    # As after a kill between the commit of the quarantine and that of the table.
    lake.catalog().drop_table("media.viewership")
    assert lake.run("run").returncode == 3
    assert lake.query(count) == before and before[0]["n"] > 0


@pytest.mark.parametrize("arguments, code, words", [
    (["tabels"], 2, "unknown command tabels"),
    ([], 2, "Usage"),
    (["load", "media.x", "rows.csv", "--bogus"], 2, "--bogus"),
    (["tables", "extra"], 2, "extra"),
    (["--nope"], 2, "--nope"),
    (["query", "SELECT * FROM viewershp"], 1, "is not there"),
    (["load", "media.x", "none.csv"], 1, "none.csv"),
    (["describe", "media.none"], 1, "media.none"),
])
def test_mistakes_are_told(lake, arguments, code, words):
    result = lake.run(*arguments)
    assert result.returncode == code
    assert words in result.stderr


def test_an_unknown_table_is_answered_with_names_like_it(lake):
    prepare(lake)
    lake.must("run")
    result = lake.run("query", "SELECT * FROM ad_revenu")
    assert "did you mean media.ad_revenue" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_read_only_lake_can_be_asked_but_not_changed(lake):
    assert lake.load("media.t", "a\n1\n").returncode == 0
    folder = lake.folder / "lake"
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        assert lake.query("SELECT a FROM media.t") == [{"a": 1}]
        assert "media.t" in lake.must("tables")
        result = lake.run("load", "media.t", "rows.csv")
        assert result.returncode == 1
        assert "read-only" in result.stderr.lower()
    finally:
        subprocess.run(["umount", folder], check=True)
    assert lake.query("SELECT COUNT(*) AS n FROM media.t") == [{"n": 1}]
