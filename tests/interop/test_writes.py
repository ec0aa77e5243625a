# SPDX-License-Identifier: Apache-2.0
"""INSERT, DELETE and UPDATE in SQL against a plain model of the table, read back by other programs."""

import json
import random
import re

import pytest


def make(lake, rows, properties=None, version=2):
    text = "id,name,amount\n" + "".join(f"{i},{n},{a}\n" for i, n, a in rows)
    settings = [word for key, value in (properties or {}).items()
                for word in ("--set", f"{key}={value}")]
    loaded = lake.load("media.t", text, "--format-version", version, *settings)
    assert loaded.returncode == 0, loaded.stderr
    return {i: (n, a) for i, n, a in rows}


def write(lake, sql):
    result = lake.run("--json", "query", "--write", sql)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def by_pyiceberg(lake):
    rows = lake.catalog().load_table("media.t").scan().to_arrow().to_pylist()
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: (row["name"], row["amount"]) for row in rows}


def by_daypart(lake):
    return {row["id"]: (row["name"], row["amount"]) for row in lake.query("SELECT * FROM media.t")}


MODES = [({}, 2),
         ({"write.delete.mode": "merge-on-read", "write.update.mode": "merge-on-read"}, 2),
         ({"write.delete.mode": "merge-on-read", "write.update.mode": "merge-on-read"}, 3)]


@pytest.mark.parametrize("properties, version", MODES, ids=["copy-on-write", "deletes", "vectors"])
def test_writes_match_a_model(lake, properties, version):
    chance = random.Random(version)
    model = make(lake, [(i, f"n{i % 7}", i * 3) for i in range(500)], properties, version)
    next_id = 500
    for _ in range(12):
        kind = chance.choice(["delete", "update", "insert"])
        low = chance.randrange(next_id)
        high = low + chance.randrange(60)
        if kind == "delete":
            done = write(lake, f"DELETE FROM media.t WHERE id BETWEEN {low} AND {high}")
            gone = [i for i in model if low <= i <= high]
            assert done["rows_deleted"] == len(gone)
            for i in gone:
                del model[i]
        elif kind == "update":
            done = write(lake, "UPDATE media.t AS x SET amount = x.amount + 1, name = 'u' "
                               f"WHERE id BETWEEN {low} AND {high} AND amount % 2 = 0")
            changed = [i for i, (_, a) in model.items() if low <= i <= high and a % 2 == 0]
            assert done["rows_updated"] == len(changed) and done["rows_deleted"] == 0
            for i in changed:
                model[i] = ("u", model[i][1] + 1)
        else:
            write(lake, f"INSERT INTO media.t SELECT id + {next_id - low}, 'i', 0 FROM media.t "
                        f"WHERE id BETWEEN {low} AND {high}")
            for i in [i for i in model if low <= i <= high]:
                model[i + next_id - low] = ("i", 0)
            next_id = max(model, default=0) + 1
        assert by_daypart(lake) == model
        assert by_pyiceberg(lake) == model
    if properties:
        snapshot = lake.catalog().load_table("media.t").current_snapshot()
        assert int(snapshot.summary["total-delete-files"]) > 0
    # A merge and a load see the deletes too.
    victim = next(iter(model))
    lake.load("media.t", f"id,name,amount\n{victim},m,9\n", "--mode", "merge", "--key", "id")
    model[victim] = ("m", 9)
    assert by_daypart(lake) == model
    assert by_pyiceberg(lake) == model


def test_deleting_all_rows_leaves_an_empty_table(lake):
    make(lake, [(1, "a", 1), (2, "b", 2)], *MODES[1])
    assert write(lake, "DELETE FROM media.t")["rows_deleted"] == 2
    assert by_daypart(lake) == {} == by_pyiceberg(lake)
    assert write(lake, "DELETE FROM media.t")["snapshot_id"] is None


@pytest.mark.parametrize("sql, words", [
    ("DELETE FROM media.none", "media.none"),
    ("UPDATE media.t SET nope = 1", "nope"),
    ("DELETE FROM media.t WHERE nope = 1", "nope"),
    ("UPDATE media.t SET amount = 'x'", "x"),
    ("INSERT INTO media.t SELECT 1", "1"),
    ("TRUNCATE TABLE media.t", "--write"),
])
def test_a_refused_write_changes_nothing(lake, sql, words):
    model = make(lake, [(1, "a", 1)])
    before = lake.metadata_location("media.t")
    result = lake.run("query", "--write", sql)
    assert result.returncode == 1 and words in result.stderr
    assert lake.metadata_location("media.t") == before
    assert by_daypart(lake) == model


def test_a_query_without_write_changes_nothing(lake):
    make(lake, [(1, "a", 1)])
    assert lake.run("query", "DELETE FROM media.t").returncode == 1
    assert by_daypart(lake) == {1: ("a", 1)}


def test_columns_are_named_in_any_case(lake):
    make(lake, [(1, "a", 10)])
    write(lake, "INSERT INTO media.t (ID, Name) VALUES (2, 'b')")
    assert write(lake, "UPDATE media.t SET AMOUNT = 5 WHERE Id = 2")["rows_updated"] == 1
    assert by_pyiceberg(lake) == {1: ("a", 10), 2: ("b", 5)}
    twice = lake.run("query", "--write", "UPDATE media.t SET amount = 1, Amount = 2")
    assert twice.returncode == 1 and "set twice" in twice.stderr
    unknown = lake.run("query", "--write", "UPDATE media.t SET amounts = 1")
    assert unknown.returncode == 1 and "amounts" in unknown.stderr
    assert by_pyiceberg(lake) == {1: ("a", 10), 2: ("b", 5)}


def test_a_load_says_which_rows_a_merge_by_key_cannot_know_again(lake):
    (lake.folder / "a.csv").write_text("region,day,n\nnorth,1,1\n,1,2\nsouth,,3\nwest,4,4\n", encoding="utf-8")
    merge = ("--mode", "merge", "--key", "region,day")
    for times in (1, 2):
        done = lake.run("load", "media.t", "a.csv", *merge)
        assert done.returncode == 0, done.stderr
        assert "2 rows without a value in the key day, region" in done.stderr
        assert len(lake.query("SELECT n FROM media.t")) == 2 + 2 * times
    statement = re.search(r'daypart query --write "(.*)"', done.stderr).group(1)
    assert statement == "DELETE FROM media.t WHERE day IS NULL OR region IS NULL"
    lake.must("query", "--write", statement)
    done = json.loads(lake.must("--json", "load", "media.t", "a.csv", *merge))
    assert done["rows_without_key"] == 2 and done["rows_updated"] == 2
    rows = lake.catalog().load_table("media.t").scan().to_arrow()["n"].to_pylist()
    assert sorted(rows) == [1, 2, 3, 4]
    # Where every row has its key nothing is said.
    (lake.folder / "b.csv").write_text("region,day,n\nnorth,1,7\n", encoding="utf-8")
    assert "key" not in lake.run("load", "media.t", "b.csv", *merge).stderr
