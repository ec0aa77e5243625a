# SPDX-License-Identifier: Apache-2.0
"""Metadata tables: column by column what PyIceberg's inspect tells of the same table."""

import datetime

import pytest


def utc(value):
    """Times and their text to microseconds in UTC."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    return value.astimezone(datetime.timezone.utc)


def same(ours, theirs, columns, key):
    """Whether both lists of rows agree in these columns, in any order."""
    assert len(ours) == len(theirs) > 0
    for mine, other in zip(sorted(ours, key=lambda row: str(row[key])),
                           sorted(theirs, key=lambda row: str(row[key]))):
        for column in columns:
            left, right = mine[column], other[column]
            if isinstance(right, datetime.datetime):
                left, right = utc(left), utc(right)
            assert left == right, (column, left, right)


@pytest.fixture
def table(lake):
    """Two appends, a merge-on-read delete and a tag, partitioned by day and bucket."""
    text = "id,region,seen\n"
    options = ("--partition", "day(seen), bucket(4, id)", "--set",
               "write.delete.mode=merge-on-read")
    assert lake.load("media.t", text + "".join(
        f"{i},r{i % 3},2026-01-0{i % 4 + 1}T10:00:00Z\n" for i in range(40)), *options).returncode == 0
    assert lake.load("media.t", text + "90,,2026-02-01T00:00:00Z\n").returncode == 0
    lake.must("query", "--write", "DELETE FROM media.t WHERE id < 5")
    loaded = lake.catalog().load_table("media.t")
    loaded.manage_snapshots().create_tag(loaded.history()[0].snapshot_id, "first").commit()
    return lake.catalog().load_table("media.t")


def rows(lake, name, tail=""):
    return lake.query(f'SELECT * FROM media."t${name}" {tail}')


def test_snapshots_history_refs_and_log(lake, table):
    columns = ("committed_at", "snapshot_id", "parent_id", "operation", "manifest_list")
    theirs = table.inspect.snapshots().to_pylist()
    same(rows(lake, "snapshots"), theirs, columns, "snapshot_id")
    summaries = {row["snapshot_id"]: dict(row["summary"]) for row in theirs}
    for row in lake.query("SELECT snapshot_id, CAST(summary['added-records'] AS INTEGER) AS added "
                          "FROM media.t$snapshots WHERE operation = 'append'"):
        assert row["added"] == int(summaries[row["snapshot_id"]]["added-records"])
    same(rows(lake, "history"), table.inspect.history().to_pylist(),
         ("made_current_at", "snapshot_id", "parent_id", "is_current_ancestor"), "snapshot_id")
    same(rows(lake, "refs"), table.inspect.refs().to_pylist(),
         ("name", "type", "snapshot_id", "max_reference_age_in_ms", "min_snapshots_to_keep",
          "max_snapshot_age_in_ms"), "name")
    same(rows(lake, "metadata_log_entries"), table.inspect.metadata_log_entries().to_pylist(),
         ("timestamp", "file", "latest_snapshot_id", "latest_schema_id",
          "latest_sequence_number"), "file")


FILE_COLUMNS = ("content", "file_path", "file_format", "spec_id", "record_count",
                "file_size_in_bytes", "sort_order_id", "split_offsets", "equality_ids")


def test_files_and_their_readable_bounds(lake, table):
    theirs = table.inspect.files().to_pylist()
    for name, kept in (("files", (0, 1, 2)), ("data_files", (0,)), ("delete_files", (1, 2))):
        same(rows(lake, name), [row for row in theirs if row["content"] in kept], FILE_COLUMNS,
             "file_path")
    bounds = {row["file_path"]: row["readable_metrics"] for row in theirs}
    days = {row["file_path"]: row["partition"] for row in theirs}
    ours = lake.query("""
        SELECT file_path, partition.seen_day AS day, partition.id_bucket AS bucket,
               readable_metrics.id.lower_bound AS low, readable_metrics.region.upper_bound AS high,
               readable_metrics.seen.upper_bound AS last,
               readable_metrics.region.null_value_count AS nulls
        FROM media.t$files WHERE content = 0""")
    assert len(ours) > 10 and {row["nulls"] for row in ours} == {0, 1}
    for row in ours:
        other = bounds[row["file_path"]]
        assert row["low"] == other["id"]["lower_bound"]
        assert row["high"] == other["region"]["upper_bound"]
        assert row["nulls"] == other["region"]["null_value_count"]
        assert utc(row["last"]) == utc(other["seen"]["upper_bound"])
        place = days[row["file_path"]]
        assert row["bucket"] == place["id_bucket"]
        assert row["day"] == str(place["seen_day"])


def test_manifests_partitions_and_entries(lake, table):
    same(rows(lake, "manifests"), table.inspect.manifests().to_pylist(),
         ("content", "path", "length", "partition_spec_id", "added_snapshot_id",
          "added_data_files_count", "existing_data_files_count", "deleted_data_files_count",
          "added_delete_files_count", "existing_delete_files_count",
          "deleted_delete_files_count"), "path")
    summaries = lake.query("SELECT unnest(partition_summaries).lower_bound AS low "
                           "FROM media.t$manifests WHERE content = 0")
    assert {"2026-01-01", "2026-02-01"} <= {row["low"] for row in summaries}
    ours, theirs = rows(lake, "partitions"), table.inspect.partitions().to_pylist()
    for row in ours + theirs:
        row["place"] = tuple(str(row["partition"][key]) for key in ("seen_day", "id_bucket"))
    same(ours, theirs, ("place", "spec_id", "record_count", "file_count",
                        "total_data_file_size_in_bytes", "position_delete_record_count",
                        "position_delete_file_count", "equality_delete_record_count",
                        "equality_delete_file_count", "last_updated_snapshot_id",
                        "last_updated_at"), "place")
    theirs = table.inspect.entries().to_pylist()
    ours = rows(lake, "entries")
    for row in ours + theirs:
        row["path"] = row["data_file"]["file_path"]
    same(ours, theirs, ("status", "snapshot_id", "sequence_number", "file_sequence_number"), "path")


def test_they_are_tables_like_others(lake, table):
    first = table.history()[0].snapshot_id
    then = lake.query(f"SELECT SUM(record_count) AS n FROM media.t$files FOR VERSION AS OF {first}")
    tagged = lake.query("SELECT SUM(record_count) AS n FROM media.t$partitions "
                        "FOR VERSION AS OF 'first'")
    assert then == tagged == [{"n": 40}]
    assert lake.query("SELECT COUNT(*) AS n FROM t$manifests FOR VERSION AS OF 'first'") == [{"n": 1}]
    joined = lake.query("""
        SELECT COUNT(*) AS n FROM media.t$entries AS e
        JOIN media.t$snapshots AS s ON e.snapshot_id = s.snapshot_id
        WHERE s.operation = 'append' AND (SELECT COUNT(*) FROM media.t) = 36""")
    appended = [row for row in table.inspect.entries().to_pylist() if row["data_file"]["content"] == 0]
    assert joined == [{"n": len(appended)}]


def test_what_is_no_metadata_table_is_told(lake, table):
    wrong = lake.run("query", "SELECT * FROM media.t$nothing")
    assert wrong.returncode == 1 and "snapshots, history, refs" in wrong.stderr
    travel = lake.run("query", "SELECT * FROM media.t$snapshots FOR VERSION AS OF 'first'")
    assert travel.returncode == 1 and "about all snapshots" in travel.stderr
    missing = lake.run("query", "SELECT * FROM media.other$files")
    assert missing.returncode == 1 and "no table media.other$files" in missing.stderr


def test_a_table_without_partitions_or_snapshots(lake):
    assert lake.load("media.u", "id\n1\n").returncode == 0
    (only,) = lake.query("SELECT * FROM media.u$partitions")
    assert only["record_count"] == only["file_count"] == 1 and "partition" not in only
    assert "partition" not in lake.query("SELECT * FROM media.u$files")[0]
