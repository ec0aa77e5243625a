# SPDX-License-Identifier: Apache-2.0
"""Maintenance seen from outside: other readers see the same rows, and pipelines go on where they were."""

import json

import pytest
from test_pipeline import figures, prepare
from test_readers import duckdb_reader


def test_a_maintained_lake_reads_and_runs_as_before(lake):
    prepare(lake)
    lake.must("run")
    before = figures(lake)
    for _ in range(4):
        lake.must("query", "--write", "INSERT INTO media.ad_revenue SELECT * FROM media.ad_revenue "
                                      "WHERE ad_id = 1")
    ads = lake.query("SELECT COUNT(*) AS n FROM media.ad_revenue")
    planned = json.loads(lake.must("--json", "maintain", "compact", "--dry-run"))
    assert {row["table"] for row in planned} >= {"media.ad_revenue", "media.viewership"}
    snapshots = len(lake.catalog().load_table("media.ad_revenue").snapshots())
    lake.must("maintain", "media.ad_revenue", "compact")
    table = lake.catalog().load_table("media.ad_revenue")
    assert len(table.snapshots()) == snapshots + 1
    assert len(list(table.scan().plan_files())) == len(table.inspect.partitions())
    again = json.loads(lake.must("--json", "maintain", "compact"))
    assert {row["files_before"] for row in again if row["table"] == "media.ad_revenue"} == {0}
    lake.must("maintain", "expire", "--older-than-hours", "0")
    lake.must("maintain", "orphans", "--older-than-hours", "0", "--force")
    for name in ("ad_revenue", "viewership", "demographics", "channel_metadata"):
        table = lake.catalog().load_table(f"media.{name}")
        assert len(table.snapshots()) == 1
        rows = table.scan().to_arrow().num_rows
        location = lake.metadata_location(f"media.{name}")
        count = duckdb_reader().execute(f"SELECT count(*) FROM iceberg_scan('{location}')").fetchone()
        assert count == (rows,)
    assert figures(lake) == before
    assert lake.query("SELECT COUNT(*) AS n FROM media.ad_revenue") == ads
    # The ledger outlived the snapshots that named it.
    again = json.loads(lake.must("--json", "run"))
    assert {task["outcome"] for task in again} == {"up to date"}


@pytest.mark.parametrize("version", [2, 3], ids=["deletes", "vectors"])
def test_compaction_applies_deletes(lake, version):
    text = "id,name\n" + "".join(f"{i},n{i}\n" for i in range(1000))
    assert lake.load("media.t", text, "--format-version", version,
                     "--set", "write.delete.mode=merge-on-read").returncode == 0
    lake.must("query", "--write", "DELETE FROM media.t WHERE id % 4 = 1")
    report = json.loads(lake.must("--json", "maintain", "media.t", "compact"))[0]
    assert report["deletes_applied"] == 250
    tasks = list(lake.catalog().load_table("media.t").scan().plan_files())
    assert sum(task.file.record_count for task in tasks) == 750
    assert not any(task.delete_files for task in tasks)
    ids = lake.catalog().load_table("media.t").scan().to_arrow()["id"].to_pylist()
    assert sorted(ids) == [i for i in range(1000) if i % 4 != 1]


def test_mistakes_are_told(lake):
    assert lake.run("maintain", "vacuum").returncode == 2
    result = lake.run("maintain", "media.none", "compact")
    assert result.returncode == 1 and "media.none" in result.stderr


def test_a_dry_run_tells_what_and_why_and_changes_nothing(lake):
    for _ in range(3):
        assert lake.load("media.t", "id\n1\n2\n", "--set", "write.delete.mode=merge-on-read").returncode == 0
    lake.must("query", "--write", "DELETE FROM media.t WHERE id = 1")
    (lake.folder / "lake" / "media" / "t" / "data" / "stray.parquet").write_text("x")
    before = lake.metadata_location("media.t")

    def told(*words):
        text = lake.must("maintain", "media.t", *words, "--dry-run")
        report = json.loads(lake.must("--json", "maintain", "media.t", *words, "--dry-run"))[0]
        assert report["reason"] in text
        return text, report["reason"]

    assert "3 are smaller than 192.0 MiB, 3 have deletes to apply" in told("compact")[1]
    assert "in order" in told("compact", "--strategy", "sort", "--columns", "id")[1]
    assert "target-size-bytes" in told("manifests")[1]
    text, reason = told("expire", "--older-than-hours", "0")
    assert "older than 0 hours" in reason
    ids = [snapshot.snapshot_id for snapshot in lake.catalog().load_table("media.t").snapshots()]
    assert all(str(snapshot) in text for snapshot in ids[:-1]) and str(ids[-1]) not in text
    text, reason = told("orphans", "--older-than-hours", "0", "--force")
    assert "named by no" in reason and "stray.parquet" in text
    assert lake.metadata_location("media.t") == before
    assert (lake.folder / "lake" / "media" / "t" / "data" / "stray.parquet").exists()


@pytest.mark.parametrize("version", [2, 3], ids=["deletes", "vectors"])
def test_deletes_that_concern_no_row_are_taken_out(lake, version):
    # Two files a partition, so that a position delete file is about the partition and not about one of them.
    for first in (0, 500):
        text = "id,part\n" + "".join(f"{i},{i % 2}\n" for i in range(first, first + 500))
        options = ("--format-version", version, "--partition", "part", "--set", "write.delete.mode=merge-on-read")
        assert lake.load("media.t", text, *(options if first == 0 else ())).returncode == 0
    lake.must("query", "--write", "DELETE FROM media.t WHERE id % 10 < 2")
    count = 2 if version == 2 else 4
    # Nothing dangles: nothing is done.
    before = json.loads(lake.must("--json", "maintain", "media.t", "deletes"))[0]
    assert before["delete_files"] == count and before["removed"] == 0
    rows = sorted(lake.catalog().load_table("media.t").scan().to_arrow()["id"].to_pylist()) if version == 2 else None
    # Rewriting one partition leaves what was about its old files behind, unless the commit saw to it.
    lake.must("maintain", "media.t", "compact", "--where", "part = 0")
    told = json.loads(lake.must("--json", "maintain", "media.t", "deletes", "--dry-run"))[0]
    done = json.loads(lake.must("--json", "maintain", "media.t", "deletes"))[0]
    assert done["removed"] == told["removed"]
    if version == 2:
        assert done["removed"] == 1 and "in no file of the table" in told["reason"]
        table = lake.catalog().load_table("media.t")
        assert sorted(table.scan().to_arrow()["id"].to_pylist()) == rows
        assert len(table.inspect.delete_files()) == 1
        assert table.current_snapshot().summary["removed-delete-files"] == "1"
    assert lake.query("SELECT count(*) AS n, sum(id) AS s FROM media.t") == [
        {"n": 800, "s": sum(i for i in range(1000) if i % 10 > 1)}]
    again = json.loads(lake.must("--json", "maintain", "media.t", "deletes"))[0]
    assert again["removed"] == 0 and again["delete_files"] == count // 2
