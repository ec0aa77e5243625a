# SPDX-License-Identifier: Apache-2.0
"""Traps of the Iceberg format that real engines fell into; docs/iceberg-traps.md lists them all.

Manifests and their lists are read raw, by DuckDB's Avro reader, so that nothing is inherited or filled in.
"""

import json
import pathlib

import pytest
from pyiceberg.conversions import from_bytes

from test_readers import duckdb_reader

ROWS = "id,name,at\n" + "".join(
    f"{i},{'' if i % 9 == 0 else 'n' + str(i % 5)},{'' if i % 11 == 0 else f'19{60 + i % 20}-03-0{1 + i % 9}T05:00:00Z'}\n"
    for i in range(60))


def path_of(location):
    return pathlib.Path(location.removeprefix("file://"))


def raw(path):
    """The records of an Avro file as they are stored."""
    relation = duckdb_reader().sql(f"SELECT * FROM read_avro('{path}')")
    return [dict(zip(relation.columns, row)) for row in relation.fetchall()]


def head(path):
    """The key-value metadata of an Avro file."""
    content = path.read_bytes()
    assert content[:4] == b"Obj\x01"
    at = 4

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return (value >> 1) ^ -(value & 1)

    def text():
        nonlocal at
        length = number()
        at += length
        return content[at - length:at]
    found = {}
    while (count := number()) != 0:
        if count < 0:
            number()
        for _ in range(abs(count)):
            key = text().decode()
            found[key] = text()
    return found


def manifests(lake, table="media.t"):
    loaded = lake.catalog().load_table(table)
    snapshot = loaded.current_snapshot()
    return loaded, path_of(snapshot.manifest_list), snapshot.manifests(loaded.io)


@pytest.mark.parametrize("transform", [
    "id", "name", "bucket(4, id)", "truncate(3, id)", "truncate(1, name)", "year(at)", "month(at)", "day(at)",
    "hour(at)", "name, bucket(2, name)"])
def test_a_partition_summary_says_what_its_files_have(lake, transform):
    assert lake.load("media.t", ROWS, "--partition", transform).returncode == 0
    table, _, listed = manifests(lake)
    (manifest,) = listed
    spec = table.specs()[manifest.partition_spec_id]
    kinds = [field.field_type for field in spec.partition_type(table.schema()).fields]
    tuples = [entry.data_file.partition for entry in manifest.fetch_manifest_entry(table.io)]
    assert len(manifest.partitions) == len(kinds)
    for place, (summary, kind) in enumerate(zip(manifest.partitions, kinds)):
        values = [values[place] for values in tuples]
        known = [value for value in values if value is not None]
        assert summary.contains_null == (len(known) < len(values))
        assert from_bytes(kind, summary.lower_bound) == min(known)
        assert from_bytes(kind, summary.upper_bound) == max(known)


def test_a_summary_without_any_value_says_so(lake):
    assert lake.load("media.t", "id,name\n1,\n2,\n", "--partition", "bucket(4, name)").returncode == 0
    _, _, (manifest,) = manifests(lake)
    (summary,) = manifest.partitions
    assert (summary.contains_null, summary.lower_bound, summary.upper_bound) == (True, None, None)
    assert lake.query("SELECT count(*) AS n FROM media.t WHERE name IS NULL") == [{"n": 2}]


def test_summaries_after_spec_evolution_are_of_each_manifests_own_spec(lake):
    assert lake.load("media.t", ROWS, "--partition", "name").returncode == 0
    with lake.catalog().load_table("media.t").update_spec() as update:
        update.remove_field("name")
        update.add_field("id", "bucket[4]", "id_bucket")
    assert lake.load("media.t", ROWS).returncode == 0
    lake.load("media.t", "id,name,at\n3,new,\n", "--mode", "merge", "--key", "id")
    table, _, listed = manifests(lake)
    assert len({manifest.partition_spec_id for manifest in listed}) == 2
    for manifest in listed:
        spec = table.specs()[manifest.partition_spec_id]
        assert [f["name"] for f in json.loads(head(path_of(manifest.manifest_path))["partition-spec"])] == [
            f.name for f in spec.fields]
        assert len(manifest.partitions) == len(spec.fields)
    assert sorted(task.file.record_count for task in table.scan(row_filter="id = 3").plan_files())
    assert len(table.scan(row_filter="id = 3").to_arrow()) == 1


def test_each_file_has_statistics_of_its_own_rows(lake):
    assert lake.load("media.t", ROWS, "--partition", "name").returncode == 0
    table = lake.catalog().load_table("media.t")
    for task in table.scan().plan_files():
        import pyarrow.parquet
        rows = pyarrow.parquet.read_table(path_of(task.file.file_path))
        assert task.file.record_count == len(rows)
        for field in table.schema().fields:
            assert task.file.value_counts[field.field_id] == len(rows)
            assert task.file.null_value_counts[field.field_id] == rows[field.name].null_count


def test_no_path_is_twice_in_a_snapshot(lake):
    assert lake.load("media.t", ROWS).returncode == 0
    for step in range(4):
        lake.load("media.t", f"id,name,at\n{step},m,\n{100 + step},m,\n", "--mode", "merge", "--key", "id")
        lake.load("media.t", f"id,name,at\n{200 + step},a,\n")
    lake.must("maintain", "media.t", "compact")
    table = lake.catalog().load_table("media.t")
    for snapshot in table.snapshots():
        paths = [entry.data_file.file_path for manifest in snapshot.manifests(table.io)
                 for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)]
        assert len(paths) == len(set(paths))


def fields_of(schema, found):
    """All field ids in an Avro schema, with the names of their fields."""
    if isinstance(schema, list):
        for branch in schema:
            fields_of(branch, found)
    elif isinstance(schema, dict):
        for field in schema.get("fields", []):
            assert "field-id" in field, field["name"]
            found[field["field-id"]] = field["name"]
            fields_of(field["type"], found)
        if schema.get("type") == "array":
            is_map = schema.get("logicalType") == "map"
            assert is_map or "element-id" in schema
            fields_of(schema["items"], found)
        elif isinstance(schema.get("type"), (dict, list)):
            fields_of(schema["type"], found)
    return found


@pytest.mark.parametrize("version", [2, 3])
def test_manifests_have_field_ids_and_key_values_and_none_too_many(lake, version):
    assert lake.load("media.t", ROWS, "--partition", "name", "--format-version", version).returncode == 0
    table, listing, (manifest,) = manifests(lake)
    told = head(path_of(manifest.manifest_path))
    ids = fields_of(json.loads(told["avro.schema"]), {})
    assert {0, 1, 2, 3, 4, 134, 100, 101, 102, 103, 104, 108, 109, 110, 137, 125, 128, 132, 140, 1000} <= set(ids)
    assert not {105, 111} & set(ids)
    assert json.loads(told["schema"])["fields"] and told["schema-id"] == b"0"
    assert [f["field-id"] for f in json.loads(told["partition-spec"])] == [1000]
    assert (told["partition-spec-id"], told["content"], told["format-version"]) == (
        b"0", b"data", str(version).encode())
    listed = fields_of(json.loads(head(listing)["avro.schema"]), {})
    assert {500, 501, 502, 517, 515, 516, 503, 504, 505, 506, 512, 513, 514, 507, 509, 518, 510, 511} <= set(listed)
    assert (520 in listed) == (version == 3) == (142 in ids)


def test_carried_entries_have_their_numbers_and_added_ones_inherit(lake):
    assert lake.load("media.t", ROWS, "--partition", "name").returncode == 0
    lake.load("media.t", "id,name,at\n1,n1,\n", "--mode", "merge", "--key", "id")
    _, _, listed = manifests(lake)
    seen = set()
    for manifest in listed:
        for entry in raw(path_of(manifest.manifest_path)):
            seen.add(entry["status"])
            if entry["status"] == 1:
                assert entry["sequence_number"] is None and entry["file_sequence_number"] is None
            else:
                assert entry["sequence_number"] == 1 == entry["file_sequence_number"]
                assert entry["snapshot_id"] is not None
    assert seen == {0, 1, 2}


def test_deletes_of_a_partition_hold_after_its_column_was_widened(lake):
    assert lake.load("media.t", "id,name\n1,a\n2,b\n1,c\n", "--partition", "id", "--set",
                     "write.delete.mode=merge-on-read").returncode == 0
    with lake.catalog().load_table("media.t").update_schema() as update:
        from pyiceberg.types import LongType
        update.update_column("id", LongType())
    lake.must("query", "--write", "DELETE FROM media.t WHERE name = 'a'")
    expected = [{"id": 1, "name": "c"}, {"id": 2, "name": "b"}]
    assert lake.query("SELECT id, name FROM media.t ORDER BY id") == expected
    lake.must("maintain", "media.t", "compact")
    assert lake.query("SELECT id, name FROM media.t ORDER BY id") == expected


@pytest.mark.parametrize("word", ["select", "order", "group", "table", "from", "_file", "user"])
def test_reserved_words_are_columns_like_others(lake, word):
    if word == "_file":
        pytest.skip("the name of a metadata column")
    assert lake.load("media.t", f"id,{word}\n1,a\n2,b\n", "--partition", word).returncode == 0
    assert lake.query(f'SELECT id FROM media.t WHERE "{word}" = \'b\'') == [{"id": 2}]
    table = lake.catalog().load_table("media.t")
    assert len(table.scan(row_filter=f"{word} = 'b'" if word == "user" else "id = 2").to_arrow()) == 1


def test_a_commit_keeps_the_retention_of_main(lake):
    assert lake.load("media.t", "id\n1\n").returncode == 0
    path = path_of(lake.metadata_location("media.t"))
    metadata = json.loads(path.read_text())
    metadata["refs"]["main"].update({"min-snapshots-to-keep": 7, "max-snapshot-age-ms": 1000})
    path.write_text(json.dumps(metadata))
    assert lake.load("media.t", "id\n2\n").returncode == 0
    main = lake.catalog().load_table("media.t").metadata.refs["main"]
    assert (main.min_snapshots_to_keep, main.max_snapshot_age_ms) == (7, 1000)


def test_a_data_file_has_one_deletion_vector_and_leaves_with_it(lake):
    text = "id,name\n" + "".join(f"{i},n{i}\n" for i in range(100))
    assert lake.load("media.t", text, "--format-version", 3, "--set",
                     "write.delete.mode=merge-on-read").returncode == 0
    for third in range(3):
        lake.must("query", "--write", f"DELETE FROM media.t WHERE id % 10 = {third}")
        entries = delete_entries(lake)
        assert [entry["status"] for entry in entries if entry["status"] != 2] in ([0], [1])
        (vector,) = [entry["data_file"] for entry in entries if entry["status"] != 2]
        assert vector["file_format"] == "PUFFIN" and vector["record_count"] == 10 * (third + 1)
        content = path_of(vector["file_path"]).read_bytes()
        blob = content[vector["content_offset"]:][:vector["content_size_in_bytes"]]
        assert int.from_bytes(blob[:4], "big") == len(blob) - 8 and blob[4:8] == bytes([0xD1, 0xD3, 0x39, 0x64])
    lake.must("maintain", "media.t", "compact")
    assert all(entry["status"] == 2 for entry in delete_entries(lake))
    assert lake.query("SELECT count(*) AS n FROM media.t") == [{"n": 70}]


def delete_entries(lake):
    _, _, listed = manifests(lake)
    return [entry for manifest in listed if manifest.content == 1
            for entry in raw(path_of(manifest.manifest_path))]
