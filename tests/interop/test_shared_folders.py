# SPDX-License-Identifier: Apache-2.0
"""What maintenance and writes must leave alone: other tables' files, other branches, files that others may use."""

import os

import pyarrow
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField

NUMBERS = Schema(NestedField(1, "id", LongType()))


def rows_of(lake, name):
    return sorted(lake.catalog().load_table(name).scan().to_arrow()["id"].to_pylist())


def make_old(lake):
    """Every file is ten days old: no safety age protects it."""
    for path in (lake.folder / "lake").rglob("*"):
        if path.is_file() and not path.name.startswith("catalog"):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10 * 86400))


def made_by_pyiceberg(lake, name, location, ids):
    catalog = lake.catalog()
    catalog.create_namespace_if_not_exists("media")
    table = catalog.create_table(name, NUMBERS, location=location)
    table.append(pyarrow.table({"id": pyarrow.array(ids, pyarrow.int64())}))


def test_orphans_of_a_table_are_not_another_tables_files(lake):
    root = f"file://{lake.folder}/lake/media"
    made_by_pyiceberg(lake, "media.a", f"{root}/a", [1, 2])
    made_by_pyiceberg(lake, "media.twin", f"{root}/a", [3])
    made_by_pyiceberg(lake, "media.inner", f"{root}/a/inner", [4])
    stray = lake.folder / "lake" / "media" / "a" / "data" / "stray.parquet"
    stray.write_bytes(b"nobody's")
    make_old(lake)
    for name in ("media.a", "media.twin", "media.inner"):
        lake.must("maintain", name, "orphans")
    assert not stray.exists()
    assert [rows_of(lake, n) for n in ("media.a", "media.twin", "media.inner")] == [[1, 2], [3], [4]]


def test_a_table_of_a_renamed_ones_name_has_a_folder_of_its_own(lake):
    for sql in ("CREATE TABLE media.t (id bigint)", "INSERT INTO media.t VALUES (1)",
                "ALTER TABLE media.t RENAME TO u", "CREATE TABLE media.t AS SELECT 2::bigint AS id"):
        lake.must("query", "--write", sql)
    catalog = lake.catalog()
    assert catalog.load_table("media.t").location() != catalog.load_table("media.u").location()
    make_old(lake)
    lake.must("maintain", "orphans")
    lake.must("query", "--write", "DROP TABLE media.t PURGE")
    assert rows_of(lake, "media.u") == [1]


def test_a_table_made_with_rows_is_bounded_as_any_new_one(lake):
    lake.must("query", "--write", "CREATE TABLE media.t (id bigint)")
    lake.must("query", "--write", "CREATE TABLE media.s AS SELECT 1::bigint AS id")
    tables = [lake.catalog().load_table(name).properties for name in ("media.t", "media.s")]
    assert tables[0] == tables[1] and tables[0]


def test_young_orphans_go_only_by_force(lake):
    lake.must("query", "--write", "CREATE TABLE media.t AS SELECT 1::bigint AS id")
    stray = lake.folder / "lake" / "media" / "t" / "data" / "stray.parquet"
    stray.write_bytes(b"perhaps a commit under way")
    refused = lake.run("maintain", "media.t", "orphans", "--older-than-hours", "1")
    assert refused.returncode == 1 and "--force" in refused.stderr and stray.exists()
    assert lake.run("maintain", "media.t", "orphans", "--older-than-hours", "-5").returncode == 2
    lake.must("maintain", "media.t", "orphans", "--older-than-hours", "0", "--force")
    assert not stray.exists() and rows_of(lake, "media.t") == [1]


def test_files_that_others_may_use_stay(lake):
    for sql in ("CREATE TABLE media.t (id bigint)", "INSERT INTO media.t VALUES (1)", "DELETE FROM media.t",
                "ALTER TABLE media.t SET TBLPROPERTIES ('gc.enabled'='false')"):
        lake.must("query", "--write", sql)
    make_old(lake)
    before = {path for path in (lake.folder / "lake").rglob("*.parquet")}
    for what in ("expire", "orphans"):
        refused = lake.run("maintain", "media.t", what)
        assert refused.returncode == 1 and "gc.enabled" in refused.stderr
    assert before and before == {path for path in (lake.folder / "lake").rglob("*.parquet")}


def test_an_overwrite_of_a_branch_leaves_main(lake):
    for sql in ("CREATE TABLE media.t (id bigint, v varchar) PARTITIONED BY (v)",
                "INSERT INTO media.t VALUES (1, 'a'), (2, 'b')", "ALTER TABLE media.t CREATE BRANCH dev",
                "INSERT INTO media.t VALUES (3, 'a')", "INSERT INTO media.t.branch_dev VALUES (4, 'c')",
                "INSERT OVERWRITE media.t.branch_dev SELECT 9, 'a'"):
        lake.must("query", "--write", sql)
    table = lake.catalog().load_table("media.t")
    dev = table.scan().use_ref("dev").to_arrow()["id"].to_pylist()
    assert rows_of(lake, "media.t") == [1, 2, 3] and sorted(dev) == [2, 4, 9]


def test_surplus_columns_are_refused(lake):
    lake.must("query", "--write", "CREATE TABLE media.t (id bigint, b bigint)")
    for sql in ("SELECT 1, 2, 3", "VALUES (1, 2, 3, 4)", "SELECT 1 AS id, 2 AS id, 3 AS id"):
        refused = lake.run("query", "--write", f"INSERT INTO media.t {sql}")
        assert refused.returncode == 1 and "2 columns" in refused.stderr, sql
    assert lake.run("query", "--write", "INSERT INTO media.t (id) VALUES (7, 8)").returncode == 1
    lake.must("query", "--write", "INSERT INTO media.t (b, id) SELECT 10 AS id, 20 AS b")
    assert rows_of(lake, "media.t") == [20]


def test_a_table_whose_older_spec_lost_its_column(lake):
    """PyIceberg drops the column once no field of the newest spec is made of it; files of the older spec stay."""
    catalog = lake.catalog()
    catalog.create_namespace_if_not_exists("media")
    table = catalog.create_table(
        "media.t", Schema(NestedField(1, "id", LongType()), NestedField(2, "p", LongType())),
        partition_spec=PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "p")),
        properties={"commit.manifest-merge.enabled": "false"})
    for i in range(6):
        table.append(pyarrow.table({"id": pyarrow.array([i], pyarrow.int64()),
                                    "p": pyarrow.array([i % 3], pyarrow.int64())}))
    with table.update_spec() as update:
        update.remove_field("p")
    with table.update_schema() as update:
        update.delete_column("p")
    with table.transaction() as transaction:
        transaction.set_properties({"commit.manifest-merge.enabled": "true",
                                    "commit.manifest.min-count-to-merge": "2"})
    assert "6\n" in lake.must("query", "SELECT count(*) AS n FROM media.t", "--format", "csv")
    for sql in ("INSERT INTO media.t VALUES (100)", "DELETE FROM media.t WHERE id IN (0, 3)",
                "UPDATE media.t SET id = id + 1000 WHERE id = 5"):
        lake.must("query", "--write", sql)
    for what in ("manifests", "compact", "expire", "orphans"):
        lake.must("maintain", "media.t", what)
    assert rows_of(lake, "media.t") == [1, 2, 4, 100, 1005]


def test_quoted_names_in_partition_and_sort_terms(lake):
    lake.must("query", "--write", 'CREATE TABLE media.t (id bigint, "my id" bigint) PARTITIONED BY ("id")')
    lake.must("query", "--write", 'ALTER TABLE media.t ADD PARTITION FIELD bucket(4, "my id")')
    lake.must("query", "--write", 'ALTER TABLE media.t WRITE ORDERED BY "my id" DESC')
    lake.must("query", "--write", "INSERT INTO media.t VALUES (1, 2)")
    table = lake.catalog().load_table("media.t")
    assert [field.name for field in table.spec().fields] == ["id", "my id_bucket_4"]
    assert table.sort_order().fields[0].source_id == 2 and rows_of(lake, "media.t") == [1]
