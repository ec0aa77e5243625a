# SPDX-License-Identifier: Apache-2.0
"""Branches, tags, rollback, cherry-pick and diff, each checked in what PyIceberg sees."""

import csv
import io
import json


def write(lake, sql):
    result = lake.run("--json", "query", "--write", sql)
    assert result.returncode == 0, f"{sql}: {result.stderr}"
    return json.loads(result.stdout)


def ids(lake, ref=None):
    """The rows of a ref as PyIceberg and Daypart see them."""
    scan = lake.catalog().load_table("media.t").scan()
    theirs = sorted((scan.use_ref(ref) if ref else scan).to_arrow()["id"].to_pylist())
    clause = f"FOR VERSION AS OF '{ref}'" if ref else ""
    ours = [row["id"] for row in lake.query(f"SELECT id FROM media.t {clause} ORDER BY id")]
    assert ours == theirs
    return ours


def make(lake, *settings):
    loaded = lake.load("media.t", "id,name\n1,a\n2,b\n", *settings)
    assert loaded.returncode == 0, loaded.stderr
    return lake.catalog().load_table("media.t").current_snapshot().snapshot_id


def test_refs_and_their_retention(lake):
    first = make(lake)
    write(lake, "ALTER TABLE media.t CREATE TAG one RETAIN 90 DAYS")
    write(lake, "ALTER TABLE media.t CREATE BRANCH work RETAIN 7 DAYS "
                "WITH SNAPSHOT RETENTION 3 SNAPSHOTS 2 HOURS")
    write(lake, "INSERT INTO media.t VALUES (3, 'c')")
    write(lake, f"ALTER TABLE media.t CREATE BRANCH IF NOT EXISTS work AS OF VERSION {first}")
    refs = lake.catalog().load_table("media.t").refs()
    day = 24 * 3600 * 1000
    assert refs["one"].max_ref_age_ms == 90 * day and refs["one"].snapshot_id == first
    work = refs["work"]
    assert (work.max_ref_age_ms, work.min_snapshots_to_keep, work.max_snapshot_age_ms) == (
        7 * day, 3, 2 * 3600 * 1000)
    write(lake, "INSERT INTO media.t.branch_work VALUES (4, 'd')")
    after = lake.catalog().load_table("media.t").refs()["work"]
    assert after.min_snapshots_to_keep == 3 and after.snapshot_id != first
    assert ids(lake) == [1, 2, 3] and ids(lake, "work") == [1, 2, 4] and ids(lake, "one") == [1, 2]
    again = lake.run("query", "--write", "ALTER TABLE media.t CREATE TAG one")
    assert again.returncode == 1 and "there already" in again.stderr
    write(lake, "ALTER TABLE media.t REPLACE TAG one")
    assert ids(lake, "one") == [1, 2, 3]
    write(lake, f"ALTER TABLE media.t CREATE OR REPLACE TAG one AS OF VERSION {first}")
    assert ids(lake, "one") == [1, 2]
    wrong = lake.run("query", "--write", "INSERT INTO media.t.branch_one VALUES (1, 'x')")
    assert wrong.returncode == 1 and "is a tag" in wrong.stderr
    missing = lake.run("query", "--write", "DELETE FROM media.t.branch_none")
    assert missing.returncode == 1 and "no branch none" in missing.stderr
    write(lake, "ALTER TABLE media.t DROP TAG one")
    write(lake, "ALTER TABLE media.t DROP BRANCH work")
    write(lake, "ALTER TABLE media.t DROP BRANCH IF EXISTS work")
    assert set(lake.catalog().load_table("media.t").refs()) == {"main"}
    last = lake.run("query", "--write", "ALTER TABLE media.t DROP BRANCH main")
    assert last.returncode == 1 and "main cannot be dropped" in last.stderr


def test_all_writes_go_to_a_branch(lake):
    for settings in ((), ("--set", "write.delete.mode=merge-on-read", "--set",
                          "write.update.mode=merge-on-read")):
        make(lake, *settings)
        write(lake, "ALTER TABLE media.t CREATE BRANCH b")
        write(lake, "INSERT INTO media.t.branch_b VALUES (3, 'c'), (4, 'd')")
        assert write(lake, "UPDATE media.t.branch_b AS x SET name = 'u' WHERE x.id = 1")[
            "rows_updated"] == 1
        # Named alone, the table is main's: row 3 is on the branch only, and is not deleted.
        assert write(lake, "DELETE FROM media.t.branch_b WHERE t.id IN (SELECT id + 1 FROM media.t)")[
            "rows_deleted"] == 2
        assert ids(lake) == [1, 2] and ids(lake, "b") == [1, 4]
        # The source is main's, whose row 2 the branch has no more.
        merged = write(lake, "MERGE INTO media.t.branch_b AS x USING media.t AS s ON x.id = s.id "
                             "WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id + 3, s.name)")
        assert merged["rows_inserted"] == 1
        assert ids(lake) == [1, 2] and ids(lake, "b") == [1, 4, 5]
        write(lake, "DELETE FROM media.t.branch_b WHERE id = 5")
        assert lake.query("SELECT name FROM media.t FOR VERSION AS OF 'b' WHERE id = 1") == [
            {"name": "u"}]
        assert write(lake, "CALL system.fast_forward('media.t', 'main', 'b')")["current_snapshot_id"]
        assert ids(lake) == [1, 4]
        write(lake, "DROP TABLE media.t")


def test_rollback_and_cherry_pick(lake):
    first = make(lake)
    write(lake, "INSERT INTO media.t VALUES (3, 'c')")
    table = lake.catalog().load_table("media.t")
    second = table.current_snapshot()
    write(lake, "INSERT INTO media.t VALUES (4, 'd')")
    third = lake.catalog().load_table("media.t").current_snapshot().snapshot_id
    done = write(lake, f"CALL system.rollback_to_snapshot(table => 'media.t', snapshot_id => {first})")
    assert done["previous_snapshot_id"] == third and done["current_snapshot_id"] == first
    assert ids(lake) == [1, 2]
    forward = lake.run("query", "--write", f"CALL system.rollback_to_snapshot('media.t', {third})")
    assert forward.returncode == 1 and "no ancestor" in forward.stderr
    write(lake, f"CALL system.cherrypick_snapshot('media.t', {third})")
    assert ids(lake) == [1, 2, 4]
    twice = lake.run("query", "--write", f"CALL system.cherrypick_snapshot('media.t', {third})")
    assert twice.returncode == 1 and "already" in twice.stderr
    assert ids(lake) == [1, 2, 4]
    write(lake, f"CALL system.set_current_snapshot(table => 'media.t', snapshot_id => {third})")
    assert ids(lake) == [1, 2, 3, 4]
    moment = _iso(second.timestamp_ms + 1)
    write(lake, f"CALL system.rollback_to_timestamp('media.t', TIMESTAMP '{moment}')")
    assert ids(lake) == [1, 2, 3]
    write(lake, f"CALL system.cherrypick_snapshot('media.t', {third})")  # comes straight after
    assert ids(lake) == [1, 2, 3, 4]
    assert lake.catalog().load_table("media.t").current_snapshot().snapshot_id == third
    write(lake, "DELETE FROM media.t WHERE id = 1")
    deleted = lake.catalog().load_table("media.t").current_snapshot().snapshot_id
    write(lake, "CALL system.rollback_to_snapshot('media.t', " + str(first) + ")")
    refused = lake.run("query", "--write", f"CALL system.cherrypick_snapshot('media.t', {deleted})")
    assert refused.returncode == 1 and "only a snapshot that appends" in refused.stderr


def diff(lake, *arguments):
    return json.loads(lake.must("diff", "media.t", *arguments, "--format", "json"))


def test_diff_tells_rows_and_reads_only_what_differs(lake):
    import random
    chance = random.Random(5)
    for settings in ((), ("--set", "write.delete.mode=merge-on-read", "--set",
                          "write.update.mode=merge-on-read")):
        make(lake, *settings)
        models, snapshots = [], []
        model = {1: "a", 2: "b"}
        for step in range(8):
            key = chance.randrange(100, 200)
            if step % 3 == 0:
                write(lake, f"INSERT INTO media.t VALUES ({step + 10}, 'n'), ({key}, 'n')")
                model = {**model, step + 10: "n", key: "n"}
            elif step % 3 == 1:
                write(lake, f"UPDATE media.t SET name = 's{step}' WHERE id % 2 = 0")
                model = {i: f"s{step}" if i % 2 == 0 else n for i, n in model.items()}
            else:
                gone = chance.choice(sorted(model))
                write(lake, f"DELETE FROM media.t WHERE id = {gone}")
                model = {i: n for i, n in model.items() if i != gone}
            models.append(dict(model))
            snapshots.append(lake.catalog().load_table("media.t").current_snapshot().snapshot_id)
        for a in range(8):
            for b in (a, 7 - a, 7):
                told = diff(lake, snapshots[a], snapshots[b], "--key", "id")
                before, after = models[a], models[b]
                assert told["added"] == len(after.keys() - before.keys())
                assert told["removed"] == len(before.keys() - after.keys())
                assert told["changed"] == sum(before[i] != after[i] for i in before.keys() & after.keys())
                shown = {(row["_change"], row["id"]): row["name"] for row in told["rows"]}
                expected = {("added", i): after[i] for i in after.keys() - before.keys()}
                expected |= {("removed", i): before[i] for i in before.keys() - after.keys()}
                for i in before.keys() & after.keys():
                    if before[i] != after[i]:
                        expected[("changed from", i)] = before[i]
                        expected[("changed to", i)] = after[i]
                assert shown == expected
                if a == b:
                    assert told["files_read"] == 0 and told["files_shared"] > 0
        write(lake, "DROP TABLE media.t")


def test_diff_of_an_append_reads_the_new_file_alone(lake):
    first = make(lake)
    for i in range(3, 9):
        write(lake, f"INSERT INTO media.t VALUES ({i}, 'x')")
    last = lake.catalog().load_table("media.t").history()[-2].snapshot_id
    told = diff(lake, last)
    assert (told["added"], told["files_read"], told["files_shared"]) == (1, 1, 6)
    lake.must("maintain", "media.t", "compact")
    write(lake, "INSERT INTO media.t VALUES (1, 'a'), (1, 'a')")  # the same row three times over
    told = diff(lake, first)
    assert told["added"] == 8 and told["removed"] == 0
    assert sum(row["id"] == 1 for row in told["rows"]) == 2


def test_diff_formats_identifier_and_errors(lake):
    write(lake, "CREATE TABLE media.t (id bigint NOT NULL, name string)")
    write(lake, "INSERT INTO media.t VALUES (1, 'a'), (2, 'b')")
    write(lake, "ALTER TABLE media.t CREATE TAG before")
    write(lake, "ALTER TABLE media.t SET IDENTIFIER FIELDS id")
    write(lake, "UPDATE media.t SET name = 'c' WHERE id = 2")
    table = lake.must("diff", "media.t", "before")
    assert table.splitlines()[0].startswith("0 rows added, 0 removed, 1 changed; 3 files read")
    rows = list(csv.DictReader(io.StringIO(lake.must("diff", "media.t", "before", "--format", "csv"))))
    assert [(row["_change"], row["id"], row["name"]) for row in rows] == [
        ("changed from", "2", "b"), ("changed to", "2", "c")]
    back = diff(lake, "main", "before")
    assert [row["name"] for row in back["rows"]] == ["c", "b"]
    write(lake, "ALTER TABLE media.t RENAME COLUMN name TO title")
    write(lake, "ALTER TABLE media.t ADD COLUMN more int")
    renamed = diff(lake, "before")
    assert renamed["changed"] == 1 and set(renamed["rows"][0]) == {"_change", "id", "title", "more"}
    for arguments, words in ((("nothing",), "no snapshot"), (("before", "--key", "x"), "key column x"),
                             (("2001-01-01",), "as old as")):
        result = lake.run("diff", "media.t", *arguments)
        assert result.returncode == 1 and words in result.stderr, result.stderr


def _iso(milliseconds):
    import datetime
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
