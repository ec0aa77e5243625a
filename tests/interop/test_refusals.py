# SPDX-License-Identifier: Apache-2.0
"""Tables that are damaged, or of a later time: refused with the reason, and left as they were."""

import gzip
import json
import os
import pathlib
import shutil

import pytest

ROWS = "id,name\n" + "".join(f"{i},n{i}\n" for i in range(40))


@pytest.fixture
def table(lake):
    assert lake.load("media.t", ROWS).returncode == 0
    return lake


def path_of(location):
    return pathlib.Path(location.removeprefix("file://"))


def metadata_path(lake):
    return path_of(lake.metadata_location("media.t"))


def files_below(lake):
    return {str(p): p.read_bytes() for p in (lake.folder / "lake" / "media").rglob("*") if p.is_file()}


def edit_metadata(lake, change):
    path = metadata_path(lake)
    metadata = json.loads(path.read_text())
    change(metadata)
    path.write_text(json.dumps(metadata))


def assert_refused(lake, *words, write=True):
    """Neither a query nor a write works, both say why, and no file is touched."""
    (lake.folder / "more.csv").write_text("id,name\n99,x\n")
    before = files_below(lake)
    commands = [("query", "SELECT * FROM media.t")]
    if write:
        commands.append(("load", "media.t", "more.csv"))
    for command in commands:
        result = lake.run(*command)
        assert result.returncode == 1, (command, result.stdout)
        for word in words:
            assert word in result.stderr, (command, word, result.stderr)
    assert files_below(lake) == before


def test_a_higher_format_version(table):
    edit_metadata(table, lambda metadata: metadata.update({"format-version": 9}))
    assert_refused(table, "9", "version")


@pytest.mark.parametrize("part", [0, 0.5, 0.99])
def test_a_metadata_file_cut_short(table, part):
    path = metadata_path(table)
    text = path.read_bytes()
    path.write_bytes(text[:int(len(text) * part)])
    assert_refused(table, path.name)


def compress(lake):
    """The table's metadata as other writers compress it, the catalog pointing there."""
    import sqlite3
    path = metadata_path(lake)
    packed = path.with_name(path.name.replace(".metadata.json", ".gz.metadata.json"))
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with sqlite3.connect(lake.folder / "lake" / "catalog.db") as catalog:
        changed = catalog.execute(
            "UPDATE iceberg_tables SET metadata_location = ? WHERE table_name = 't'", (f"file://{packed}",))
        assert changed.rowcount == 1
    return packed


def test_gzip_metadata_is_read_and_gone_on_from(table):
    compress(table)
    assert table.query("SELECT count(*) AS n FROM media.t") == [{"n": 40}]
    assert table.load("media.t", "id,name\n99,x\n").returncode == 0
    assert table.query("SELECT count(*) AS n FROM media.t") == [{"n": 41}]


def test_gzip_metadata_cut_short(table):
    packed = compress(table)
    packed.write_bytes(packed.read_bytes()[:-40])
    assert_refused(table, packed.name, "cut short")


def snapshot_files(lake):
    table = lake.catalog().load_table("media.t")
    snapshot = table.current_snapshot()
    manifests = [path_of(m.manifest_path) for m in snapshot.manifests(table.io)]
    data = [path_of(t.file.file_path) for t in table.scan().plan_files()]
    return path_of(snapshot.manifest_list), manifests, data


@pytest.mark.parametrize("change", ["cut", "longer"])
def test_a_manifest_of_another_length_than_listed(table, change):
    _, (manifest,), _ = snapshot_files(table)
    content = manifest.read_bytes()
    manifest.write_bytes(content[:-20] if change == "cut" else content + b"x")
    assert_refused(table, manifest.name, write=False)


def test_a_manifest_list_cut_short(table):
    listing, _, _ = snapshot_files(table)
    listing.write_bytes(listing.read_bytes()[:-20])
    assert_refused(table, listing.name, write=False)


def test_a_data_file_cut_short(table):
    _, _, (data,) = snapshot_files(table)
    data.write_bytes(data.read_bytes()[:-100])
    assert_refused(table, data.name, write=False)


def test_a_data_file_of_another_content(table):
    """As long as its entry says, but with fewer rows than that."""
    import pyarrow
    import pyarrow.parquet
    _, _, (data,) = snapshot_files(table)
    size = data.stat().st_size
    rows = pyarrow.parquet.read_table(data).slice(0, 3)
    for padding in range(size):
        pyarrow.parquet.write_table(rows.replace_schema_metadata({"pad": "x" * padding}), data,
                                    compression="none", store_schema=False)
        if data.stat().st_size >= size:
            break
    if data.stat().st_size != size:
        pytest.skip("no padding gives the size of the entry")
    refuses_to_delete(table, data.name, "rows")


def refuses_to_delete(lake, *words):
    before = files_below(lake)
    result = lake.run("query", "--write", "DELETE FROM media.t WHERE id = 1")
    assert result.returncode == 1 and all(word in result.stderr for word in words), result.stderr
    assert files_below(lake) == before


def test_a_data_file_without_a_required_column(lake):
    import pyarrow
    import pyarrow.parquet
    from pyiceberg.schema import Schema
    from pyiceberg.types import LongType, NestedField
    catalog = lake.catalog()
    catalog.create_namespace_if_not_exists("media")
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "needed", LongType()))
    created = catalog.create_table("media.t", schema)
    created.append(pyarrow.table({"id": pyarrow.array([1, 2], pyarrow.int64())}))
    edit_metadata(lake, lambda m: [f.update({"required": True}) for s in m["schemas"] for f in s["fields"]
                                   if f["name"] == "needed"])
    data = path_of(next(iter(created.scan().plan_files())).file.file_path)
    id_column = pyarrow.parquet.read_table(data).select(["id"])
    field = pyarrow.field("id", pyarrow.int64(), metadata={"PARQUET:field_id": "1"})
    size = data.stat().st_size
    narrow = pyarrow.table([id_column["id"]], pyarrow.schema([field]))
    for padding in range(size):
        pyarrow.parquet.write_table(narrow.replace_schema_metadata({"pad": "x" * padding}), data,
                                    compression="none", store_schema=False)
        if data.stat().st_size >= size:
            break
    if data.stat().st_size != size:
        pytest.skip("no padding gives the size of the entry")
    refuses_to_delete(lake, data.name, "needed")


def test_an_unknown_transform_is_read_but_not_written(lake):
    assert lake.load("media.t", ROWS, "--partition", "truncate(10, id)").returncode == 0

    def change(metadata):
        for spec in metadata["partition-specs"]:
            for field in spec["fields"]:
                field["transform"] = "hilbert[4]"
    edit_metadata(lake, change)
    (lake.folder / "more.csv").write_text("id,name\n99,x\n")
    before = files_below(lake)
    result = lake.run("load", "media.t", "more.csv")
    assert result.returncode == 1 and "hilbert[4]" in result.stderr
    assert files_below(lake) == before
    assert lake.query("SELECT count(*) AS n FROM media.t WHERE id = 7") == [{"n": 1}]


def test_a_puffin_file_cut_short(lake):
    assert lake.load("media.t", ROWS, "--format-version", 3, "--set",
                     "write.delete.mode=merge-on-read").returncode == 0
    lake.must("query", "--write", "DELETE FROM media.t WHERE id = 3")
    (puffin,) = (lake.folder / "lake" / "media").rglob("*.puffin")
    puffin.write_bytes(puffin.read_bytes()[:20])
    assert_refused(lake, puffin.name, write=False)


def test_foreign_files_without_ids_are_read_by_the_name_mapping(lake):
    """A Parquet file that no table wrote, registered by PyIceberg's add_files."""
    import pyarrow
    import pyarrow.parquet
    catalog = lake.catalog()
    catalog.create_namespace_if_not_exists("media")
    rows = pyarrow.table({"id": pyarrow.array([1, 2], pyarrow.int64()),
                          "name": pyarrow.array(["a", None], pyarrow.string())})
    table = catalog.create_table("media.t", schema=rows.schema)
    folder = lake.folder / "foreign"
    os.makedirs(folder)
    pyarrow.parquet.write_table(rows, folder / "rows.parquet")
    table.add_files([f"file://{folder}/rows.parquet"])
    found = lake.query("SELECT id, name FROM media.t ORDER BY id")
    assert found == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]
    with table.update_schema() as update:
        update.rename_column("name", "title")
    assert lake.query("SELECT title FROM media.t WHERE id = 1") == [{"title": "a"}]
    shutil.rmtree(folder)
