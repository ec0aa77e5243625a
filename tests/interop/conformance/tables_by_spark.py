# SPDX-License-Identifier: Apache-2.0
"""Golden tables that Spark makes in SQL: one function a subject, run in order by make_golden.py.

check(table, where, columns, at): a question whose rows and planned files Iceberg's Java library answers.
"""

TYPES = """flag BOOLEAN, i INT, l BIGINT, f FLOAT, d DOUBLE, n9 DECIMAL(9,2), n18 DECIMAL(18,0),
    n38 DECIMAL(38,10), day DATE, at TIMESTAMP, local_at TIMESTAMP_NTZ, s STRING, b BINARY,
    address STRUCT<street: STRING, geo: STRUCT<x: DOUBLE, y: DOUBLE>>, tags ARRAY<STRING>,
    stops ARRAY<STRUCT<name: STRING, minutes: INT>>, counts MAP<STRING, BIGINT>,
    by_day MAP<DATE, STRUCT<n: INT>>, grid ARRAY<ARRAY<INT>>"""
ROWS = [
    "true, 1, 1, 1.5, 2.5, 1.25, 12, 3.0000000001, DATE'2026-11-24', TIMESTAMP'2026-11-24 10:00:00.123456',"
    " TIMESTAMP_NTZ'2026-11-24 10:00:00', 'north', X'00FF', struct('a', struct(1.0D, 2.0D)), array('x', null),"
    " array(struct('s', 1), struct(null, 2)), map('k', 1L, 'l', null), map(DATE'2020-02-29', struct(1)),"
    " array(array(1, 2), array(), null)",
    "false, -2147483648, -9223372036854775808, float('-infinity'), double('nan'), -9999999.99,"
    " -999999999999999999, -9999999999999999999999999999.9999999999, DATE'0001-01-01',"
    " TIMESTAMP'1969-12-31 23:59:59.999999', TIMESTAMP_NTZ'1900-01-01 00:00:00.000001', '', X'',"
    " struct(null, null), array(), array(), map(), map(), array()",
    "null, 2147483647, 9223372036854775807, -0.0f, double('infinity'), 9999999.99, 999999999999999999,"
    " 9999999999999999999999999999.9999999999, DATE'9999-12-31', TIMESTAMP'2038-01-19 03:14:08',"
    " TIMESTAMP_NTZ'2262-04-12 00:00:00', 'ü𝄞 ''q''', X'DEADBEEF', null, null, null, null, null, null",
    "null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,"
    " null, null",
]


def types(sql, check, version):
    table = f"media.types_v{version}"
    sql(f"CREATE TABLE {table} ({TYPES}) USING iceberg TBLPROPERTIES ('format-version'='{version}')")
    for row in ROWS:  # a file a row
        sql(f"INSERT INTO {table} SELECT {row}")
    check(table)
    for where in ["flag = true", "i < 0", "i IS NULL", "l >= 9223372036854775807", "f < 0", "d > 2",
                  "n9 < 0", "n38 > 4", "day > DATE'2026-01-01'", "s = 'north'", "s = ''", "s >= 'o'",
                  "at < TIMESTAMP'1970-01-01 00:00:00'", "local_at > TIMESTAMP_NTZ'2027-01-01 00:00:00'",
                  "address.geo.x = 1.0", "i IN (1, 5)", "NOT (i = 1)", "s LIKE 'no%'", "flag IS NOT NULL"]:
        check(table, where)


def transforms(sql, check):
    rows = ("SELECT id, if(id % 7 = 0, null, id * 37 - 400) AS l, if(id % 11 = 0, null, concat('län/', id % 5,"
            " ' =?&', id)) AS s, date_add(DATE'1969-12-20', id * 9) AS day, timestamp_micros(id * 7200000001 -"
            " 40000000000) AS at, cast((id - 15) / 4 AS DECIMAL(9,2)) AS price, cast(cast(id AS STRING) AS BINARY) AS b"
            " FROM (SELECT cast(id AS INT) AS id FROM range(0, 30, 1, 1))")
    for name, spec, wheres in [
            ("identity", "s", ["s = 'län/3 =?&3'", "s IS NULL", "s > 'län/4'"]),
            ("identity_date", "day", ["day = DATE'1969-12-29'", "day < DATE'1970-01-01'"]),
            ("bucket", "bucket(4, l)", ["l = -363", "l IS NULL", "l IN (-363, -326)"]),
            ("bucket_string", "bucket(4, s)", ["s = 'län/3 =?&3'"]),
            ("bucket_date", "bucket(4, day)", ["day = DATE'1969-12-29'"]),
            ("bucket_time", "bucket(4, at)", ["at = timestamp_micros(7200000001 - 40000000000)"]),
            ("bucket_decimal", "bucket(4, price)", ["price = -3.5"]),
            ("bucket_binary", "bucket(4, b)", []),
            ("truncate", "truncate(100, l)", ["l = -363", "l < -300", "l >= 600", "l IS NULL"]),
            ("truncate_string", "truncate(5, s)", ["s = 'län/3 =?&3'", "s LIKE 'län/2%'", "s < 'län/1'"]),
            ("truncate_decimal", "truncate(50, price)", ["price = -3.5", "price > 3"]),
            ("year", "year(at)", ["at < TIMESTAMP'1970-01-01 00:00:00'"]),
            ("year_date", "year(day)", ["day < DATE'1970-01-01'", "day = DATE'1970-03-28'"]),
            ("month", "month(day)", ["day = DATE'1970-03-01'", "day < DATE'1970-01-01'"]),
            ("day", "day(at)", ["at >= TIMESTAMP'1970-01-01 00:00:00' AND at < TIMESTAMP'1970-01-02 00:00:00'",
                                "at < TIMESTAMP'1969-12-31 20:00:00'"]),
            ("hour", "hour(at)", ["at < TIMESTAMP'1969-12-31 20:00:00'"]),
            ("several", "truncate(1000, l), month(day)", ["l < 0 AND day > DATE'1970-02-01'"])]:
        table = f"media.part_{name}"
        sql(f"CREATE TABLE {table} (id INT, l BIGINT, s STRING, day DATE, at TIMESTAMP, price DECIMAL(9,2),"
            f" b BINARY) USING iceberg PARTITIONED BY ({spec})")
        sql(f"INSERT INTO {table} {rows}")
        check(table)
        for where in wheres:
            check(table, where)


def old_and_upgraded(sql, check):
    sql("CREATE TABLE media.v1 (id INT, name STRING) USING iceberg PARTITIONED BY (name)"
        " TBLPROPERTIES ('format-version'='1')")
    sql("INSERT INTO media.v1 VALUES (1, 'a'), (2, 'b'), (3, null)")
    sql("DELETE FROM media.v1 WHERE id = 2")
    check("media.v1")
    check("media.v1", "name = 'a'")
    sql("CREATE TABLE media.upgraded (id INT, name STRING) USING iceberg PARTITIONED BY (name)"
        " TBLPROPERTIES ('format-version'='1', 'write.delete.mode'='merge-on-read')")
    sql("INSERT INTO media.upgraded SELECT id, concat('n', id % 2) FROM range(10)")
    sql("ALTER TABLE media.upgraded DROP PARTITION FIELD name")  # version 1: the field becomes void
    sql("INSERT INTO media.upgraded SELECT id, concat('n', id % 2) FROM range(10, 20)")
    check("media.upgraded", "name = 'n1'")
    for version in [2, 3]:
        sql(f"ALTER TABLE media.upgraded SET TBLPROPERTIES ('format-version'='{version}')")
        sql(f"DELETE FROM media.upgraded WHERE id % 7 = {version}")
        sql(f"INSERT INTO media.upgraded VALUES ({version * 100}, 'n1')")
    check("media.upgraded")
    check("media.upgraded", "name = 'n1'")


def row_level(sql, check):
    for mode in ["copy-on-write", "merge-on-read"]:
        for version, grain in [(2, "partition"), (2, "file"), (3, "file")]:
            table = f"media.rows_v{version}_{mode.split('-')[0]}_{grain}"
            sql(f"CREATE TABLE {table} (id INT, name STRING, amount INT) USING iceberg PARTITIONED BY"
                f" (truncate(50, id)) TBLPROPERTIES ('format-version'='{version}',"
                f" 'write.delete.mode'='{mode}', 'write.update.mode'='{mode}', 'write.merge.mode'='{mode}',"
                f" 'write.delete.granularity'='{grain}')")
            for start in [0, 60]:
                sql(f"INSERT INTO {table} SELECT id, concat('n', id % 7), id * 3 FROM range({start}, {start + 60})")
            sql(f"DELETE FROM {table} WHERE id % 5 = 0")
            sql(f"UPDATE {table} SET amount = amount + 1, name = null WHERE id BETWEEN 40 AND 70")
            sql(f"MERGE INTO {table} t USING (SELECT id, 'm' AS name FROM range(100, 140)) s ON t.id = s.id"
                " WHEN MATCHED AND t.id % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET name = s.name"
                " WHEN NOT MATCHED THEN INSERT (id, name, amount) VALUES (s.id, s.name, 0)"
                " WHEN NOT MATCHED BY SOURCE AND t.id < 8 THEN DELETE")
            sql(f"DELETE FROM {table} WHERE id IN (41, 42, 43)")
            check(table)
            check(table, "id < 50")
            check(table, "name IS NULL")
            check(table, "amount > 10000")


def schema_evolution(sql, check):
    table = "media.evolved"
    sql(f"CREATE TABLE {table} (id INT, name STRING, gone INT, ratio FLOAT, price DECIMAL(5,2),"
        " place STRUCT<x: INT, y: INT>, steps ARRAY<STRUCT<a: INT>>, notes MAP<STRING, STRUCT<t: STRING>>)"
        " USING iceberg")
    sql(f"INSERT INTO {table} SELECT 1, 'one', 11, 1.5, 1.25, struct(1, 2), array(struct(1)),"
        " map('k', struct('v'))")
    for change in ["DROP COLUMN gone", "ADD COLUMN gone STRING", "RENAME COLUMN name TO title",
                   "ALTER COLUMN id TYPE BIGINT", "ALTER COLUMN ratio TYPE DOUBLE",
                   "ALTER COLUMN price TYPE DECIMAL(12,2)", "ALTER COLUMN price FIRST",
                   "ADD COLUMN place.z INT", "RENAME COLUMN place.x TO east", "ALTER COLUMN place.y TYPE BIGINT",
                   "DROP COLUMN place.y", "ADD COLUMN steps.element.b STRING", "ADD COLUMN notes.value.u INT",
                   "ALTER COLUMN place.z FIRST", "ADD COLUMN name INT AFTER title"]:
        sql(f"ALTER TABLE {table} {change}")
    sql(f"INSERT INTO {table} (price, id, title, name, ratio, place, steps, notes, gone) SELECT 2.25,"
        " 3000000000, 'two', 22, 2.5, named_struct('z', 3, 'east', 4), array(named_struct('a', 1, 'b', 'b')),"
        " map('k', named_struct('t', 'v', 'u', 2)), 'back'")
    check(table)
    for where in ["id = 1", "id > 2000000000", "title = 'one'", "name IS NULL", "gone IS NULL",
                  "place.east = 4", "place.z IS NULL", "price > 2"]:
        check(table, where)


def spec_evolution(sql, check):
    table = "media.respecified"
    sql(f"CREATE TABLE {table} (id INT, at TIMESTAMP, kind STRING) USING iceberg PARTITIONED BY (month(at))")
    rows = "SELECT {0} + id, timestamp_seconds(1700000000 + id * 86400), concat('k', id % 3) FROM range(20)"
    for number, change in enumerate(["", "ADD PARTITION FIELD bucket(2, id)",
                                     "REPLACE PARTITION FIELD month(at) WITH day(at)",
                                     "DROP PARTITION FIELD bucket(2, id)", "ADD PARTITION FIELD kind AS sort_of"]):
        if change:
            sql(f"ALTER TABLE {table} {change}")
        sql(f"INSERT INTO {table} " + rows.format(number * 100))
    check(table)
    for where in ["at < TIMESTAMP'2023-11-16 00:00:00'", "id = 105", "kind = 'k1'", "kind = 'k1' AND id > 400"]:
        check(table, where)


def orders_and_metrics(sql, check):
    sql("CREATE TABLE media.sorted (id INT, name STRING) USING iceberg")
    sql("ALTER TABLE media.sorted WRITE ORDERED BY name DESC NULLS FIRST, truncate(4, id)")
    sql("INSERT INTO media.sorted SELECT id, if(id % 9 = 0, null, concat('n', id % 10)) FROM range(100)")
    check("media.sorted", "name = 'n3'")
    for mode in ["none", "counts", "truncate(4)", "full"]:
        table = "media.metrics_" + mode.split("(")[0]
        sql(f"CREATE TABLE {table} (id INT, s STRING, d DOUBLE) USING iceberg TBLPROPERTIES"
            f" ('write.metadata.metrics.default'='{mode}', 'write.metadata.metrics.column.id'='none')")
        sql(f"INSERT INTO {table} VALUES (1, 'abcdefgh-1', 1.0), (2, null, double('nan'))")
        sql(f"INSERT INTO {table} VALUES (3, 'abcdefgh-2', null), (4, 'abcdxxxx', null)")
        sql(f"INSERT INTO {table} VALUES (5, null, double('nan')), (6, null, double('nan'))")
        for where in ["s = 'abcdefgh-2'", "s > 'abce'", "s IS NULL", "s IS NOT NULL", "d = 1.0",
                      "d IS NULL", "d > 0", "id = 5", "s LIKE 'abcdx%'", "s NOT LIKE 'abcd%'"]:
            check(table, where)
    sql("CREATE TABLE media.counted (id INT, name STRING) USING iceberg")
    sql("INSERT INTO media.counted SELECT id, concat('n', id % 10) FROM range(100)")
    sql("CALL daypart.system.compute_table_stats('media.counted')")
    check("media.counted", "id < 10")


def refs(sql, check):
    table = "media.branched"
    sql(f"CREATE TABLE {table} (id INT) USING iceberg")
    sql(f"INSERT INTO {table} VALUES (1)")
    sql(f"ALTER TABLE {table} CREATE TAG first")
    sql(f"ALTER TABLE {table} CREATE BRANCH audit")
    sql(f"INSERT INTO {table}.branch_audit VALUES (2)")
    sql(f"ALTER TABLE {table} ADD COLUMN name STRING")
    sql(f"INSERT INTO {table} VALUES (3, 'three')")
    sql(f"DELETE FROM {table}.branch_audit WHERE id = 1")
    check(table)
    check(table, at="'first'")
    check(table, at="'audit'")


def maintained(sql, check):
    table = "media.maintained"
    sql(f"CREATE TABLE {table} (id INT, name STRING) USING iceberg PARTITIONED BY (truncate(100, id))"
        " TBLPROPERTIES ('write.delete.mode'='merge-on-read', 'commit.manifest.min-count-to-merge'='3',"
        " 'write.metadata.compression-codec'='gzip')")
    for start in range(0, 200, 20):
        sql(f"INSERT INTO {table} SELECT id, concat('n', id) FROM range({start}, {start + 20})")
    sql(f"DELETE FROM {table} WHERE id % 10 = 3")
    sql(f"CALL daypart.system.rewrite_data_files(table => '{table}', where => 'id < 100',"
        " options => map('min-input-files', '2'))")
    sql(f"DELETE FROM {table} WHERE id = 55")
    sql(f"CALL daypart.system.rewrite_manifests('{table}', false)")
    sql(f"CALL daypart.system.rewrite_position_delete_files(table => '{table}',"
        " options => map('rewrite-all', 'true'))")
    sql(f"CALL daypart.system.expire_snapshots(table => '{table}', retain_last => 2,"
        " older_than => TIMESTAMP'2100-01-01 00:00:00')")
    check(table)
    check(table, "id BETWEEN 40 AND 60")
    check(table, "name = 'n150'")


def layouts(sql, check):
    sql("CREATE TABLE media.hashed (id INT, `odd name.%` STRING) USING iceberg PARTITIONED BY (`odd name.%`)"
        " TBLPROPERTIES ('write.object-storage.enabled'='true', 'write.parquet.compression-codec'='snappy')")
    sql("INSERT INTO media.hashed VALUES (1, 'a/b'), (2, 'c d%2F'), (3, ''), (4, null)")
    check("media.hashed")
    check("media.hashed", "`odd name.%` = 'a/b'")
    for codec in ["gzip", "lz4", "uncompressed"]:
        table = f"media.codec_{codec}"
        sql(f"CREATE TABLE {table} (id INT, s STRING) USING iceberg TBLPROPERTIES"
            f" ('write.parquet.compression-codec'='{codec}')")
        sql(f"INSERT INTO {table} SELECT id, concat('n', id) FROM range(50)")
        check(table, "id > 40")
    sql("CREATE TABLE media.empty (id INT) USING iceberg")
    check("media.empty")


def lineage(sql, check):
    table = "media.lineage"
    sql(f"CREATE TABLE {table} (id INT, name STRING) USING iceberg TBLPROPERTIES ('format-version'='3')")
    sql(f"INSERT INTO {table} SELECT id, 'a' FROM range(0, 10, 1, 1)")
    sql(f"UPDATE {table} SET name = 'b' WHERE id = 4")
    sql(f"INSERT INTO {table} VALUES (10, 'c')")
    check(table)
    check(table, columns="id, _row_id, _last_updated_sequence_number")


SUBJECTS = [lambda sql, check: types(sql, check, 2), lambda sql, check: types(sql, check, 3), transforms,
            old_and_upgraded, row_level, schema_evolution, spec_evolution, orders_and_metrics, refs,
            maintained, layouts, lineage]
