# SPDX-License-Identifier: Apache-2.0
"""What a user may get wrong: a clear message, the exit code as designed, the tables as they were."""

import gzip
import os
import random
import signal
import subprocess
import time

import pytest

GOOD = "id,name\n" + "".join(f"{n},n{n}\n" for n in range(50))


@pytest.fixture
def loaded(lake):
    assert lake.load("media.t", GOOD).returncode == 0
    return lake


def count(lake):
    return lake.query("SELECT COUNT(*) AS n FROM media.t")[0]["n"]


@pytest.mark.parametrize("name,content,message", [
    ("missing.csv", None, "missing.csv"),
    ("empty.csv", b"", "the file is empty"),
    ("junk.csv", bytes(range(256)) * 20, "expected"),
    ("cut.csv.gz", gzip.compress(GOOD.encode())[:60], "compressed byte offset"),
    ("other.csv", b"a;b\n1;2\n3;4\n", "have a column a"),
])
def test_unreadable_files_change_nothing(loaded, name, content, message):
    if content is not None:
        (loaded.folder / name).write_bytes(content)
    result = loaded.run("load", "media.t", name)
    assert result.returncode == 1
    assert message in result.stderr and result.stderr.startswith("daypart: ")
    assert count(loaded) == 50


def test_a_folder_is_no_file(loaded):
    result = loaded.run("load", "media.t", loaded.folder)
    assert result.returncode == 1
    assert count(loaded) == 50


def test_header_only_adds_nothing(loaded):
    assert loaded.load("media.t", "id,name\n").returncode == 0
    assert count(loaded) == 50


def test_broken_rows_are_kept_with_place_and_reason(loaded):
    result = loaded.load("media.t", "id,name\n1,a\nx,b\n3\n4,d\n")
    assert result.returncode == 3
    assert count(loaded) == 52
    rows = loaded.query("SELECT line, byte_offset, column_name, reason FROM quarantine ORDER BY line")
    assert [(row["line"], row["byte_offset"]) for row in rows] == [(3, 12), (4, 16)]
    assert rows[0]["column_name"] == "id" and "'x'" in rows[0]["reason"]


def test_more_rejects_than_allowed_commit_nothing(loaded):
    result = loaded.load("media.t", "id,name\nx,b\ny,c\n4,d\n", "--max-rejects", "1")
    assert result.returncode == 1
    assert count(loaded) == 50
    assert "quarantine" not in loaded.must("tables")


def test_usage_errors_exit_with_2(loaded):
    assert loaded.run("load").returncode == 2
    assert loaded.run("nonsense").returncode == 2
    assert loaded.run("load", "media.t", "x.csv", "--mode", "sideways").returncode == 2


def test_queries_cannot_write_or_reach_outside(loaded):
    for sql in ["DROP TABLE media.t", "SELECT * FROM read_csv('/etc/passwd')",
                "COPY (SELECT 1) TO '/tmp/x'", "SELECT 1; SELECT 2"]:
        assert loaded.run("query", sql).returncode == 1, sql
    assert count(loaded) == 50


def test_corrupt_metadata_and_catalog_are_named(loaded):
    location = loaded.metadata_location("media.t").removeprefix("file://")
    text = open(location).read()
    open(location, "w").write(text[:100])
    result = loaded.run("query", "SELECT * FROM media.t")
    assert result.returncode == 1 and location in result.stderr
    open(location, "w").write(text)
    (loaded.folder / "lake" / "catalog.db").write_bytes(b"no database at all" * 100)
    result = loaded.run("tables")
    assert result.returncode == 1 and "catalog.db" in result.stderr


def test_a_load_killed_at_any_moment_adds_all_rows_or_none(lake):
    rows = 60_000
    (lake.folder / "big.csv").write_text(
        "id,name\n" + "".join(f"{n},name {n}\n" for n in range(rows)))
    assert lake.load("media.t", "id,name\n-1,first\n").returncode == 0
    chance = random.Random(11)
    expected = 1
    for attempt in range(25):
        process = subprocess.Popen([lake.binary, "load", "media.t", "big.csv"], cwd=lake.folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * 0.12)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = count(lake)
        assert found in (expected, expected + rows), f"attempt {attempt}"
        expected = found
    assert lake.run("load", "media.t", "big.csv").returncode == 0
    assert count(lake) == expected + rows


def test_two_processes_loading_at_once_lose_nothing(lake):
    assert lake.load("media.t", "id,name\n-1,first\n").returncode == 0
    (lake.folder / "more.csv").write_text(GOOD)
    processes = [subprocess.Popen([lake.binary, "--quiet", "load", "media.t", "more.csv"],
                                  cwd=lake.folder) for _ in range(8)]
    assert [process.wait() for process in processes] == [0] * 8
    assert count(lake) == 1 + 8 * 50


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_leaves_the_table_readable(lake):
    mount = lake.folder / "small"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount])
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        (lake.folder / "daypart.toml").write_text(
            '[lake]\ndirectory = "small/lake"\n[catalog]\npath = "small/lake/catalog.db"\n')
        assert lake.load("media.t", GOOD).returncode == 0
        chance = random.Random(5)
        text = "id,name\n" + "".join(f"{n},{chance.random()}{chance.random()}\n"
                                     for n in range(200_000))
        result = lake.load("media.t", text)
        assert result.returncode == 1 and "No space left" in result.stderr, result.stderr
        assert count(lake) == 50
        assert lake.load("media.t", "id,name\n99,again\n").returncode == 0
        assert count(lake) == 51
    finally:
        subprocess.run(["umount", mount])
