# SPDX-License-Identifier: Apache-2.0
"""Golden tables that SQL cannot make: equality deletes and defaults, by Iceberg's Java library (py4j).

Spark writes no equality delete; Flink and others do. The same library that they use writes them here, in
Spark's JVM. py4j hands Python integers over as Integer, so keys are of type INT. maker: what make_golden.py
asks the questions with.
"""


FILES_OF_A_RANGE = 2  # Spark's two threads write one each


class Java:
    def __init__(self, lake):
        self.lake = lake
        self.gateway = lake.session.sparkContext._gateway
        self.iceberg = lake.jvm.org.apache.iceberg

    def names(self, *names):
        """A java.util.List of texts."""
        made = self.lake.jvm.java.util.ArrayList()
        for name in names:
            made.add(name)
        return made

    def delete_rows(self, table_name, columns, rows, near=None):
        """Commits equality deletes: rows of which these columns are equal (null too) go.

        near: a filter of one data file, in whose partition the deletes are to be; None: unpartitioned.
        """
        table = self.lake.table(table_name)
        schema = table.schema().select(self.names(*columns))
        ids = self.gateway.new_array(self.gateway.jvm.int, len(columns))
        for index, column in enumerate(columns):
            ids[index] = table.schema().findField(column).fieldId()
        appenders = self.iceberg.data.GenericAppenderFactory(table.schema(), table.spec(), ids, schema, None)
        partition = None
        if near is not None:
            expressions = self.iceberg.expressions.Expressions
            tasks = table.newScan().filter(expressions.equal(*near)).planFiles().iterator()
            partition = tasks.next().file().partition()
        path = f"{table.location()}/data/equality-{columns[0]}-{len(rows)}-{rows[0][0]}.parquet"
        output = table.encryption().encrypt(table.io().newOutputFile(path))
        writer = appenders.newEqDeleteWriter(
            output, self.iceberg.FileFormat.fromString("parquet"), partition)
        for values in rows:
            record = self.iceberg.data.GenericRecord.create(schema)
            for column, value in zip(columns, values):
                record.setField(column, value)
            writer.write(record)
        writer.close()
        table.newRowDelta().addDeletes(writer.toDeleteFile()).commit()


def equality_deletes(sql, maker, java):
    check = maker.check
    for version in [2, 3]:
        table = f"media.equality_v{version}"
        sql(f"CREATE TABLE {table} (id INT, name STRING, day INT) USING iceberg TBLPROPERTIES"
            f" ('format-version'='{version}', 'write.delete.mode'='merge-on-read')")
        sql(f"INSERT INTO {table} SELECT id, if(id % 4 = 0, null, concat('n', id % 5)), id % 2 FROM range(20)")
        java.delete_rows(table, ["id"], [(3,), (5,), (99,)])
        sql(f"INSERT INTO {table} VALUES (3, 'again', 0)")  # newer than the delete: stays
        java.delete_rows(table, ["name"], [(None,)])  # null equals null here
        java.delete_rows(table, ["name", "day"], [("n1", 0), ("n2", 1)])
        sql(f"DELETE FROM {table} WHERE id = 7")  # a position delete or vector beside them
        sql(f"ALTER TABLE {table} RENAME COLUMN name TO title")
        sql(f"INSERT INTO {table} VALUES (40, null, 1)")
        check(table)
        check(table, "id < 5")
        check(table, columns="day")  # none of the deletes' other columns is asked for
        check(table, columns="count(*) AS n")
    table = "media.equality_partitioned"
    sql(f"CREATE TABLE {table} (id INT, kind STRING) USING iceberg PARTITIONED BY (kind)")
    sql(f"INSERT INTO {table} SELECT id, concat('k', id % 2) FROM range(10)")
    java.delete_rows(table, ["id"], [(2,), (3,)], near=("kind", "k0"))  # 3 is of k1: it stays
    check(table)
    check(table, "kind = 'k1'")
    table = "media.equality_dropped"
    sql(f"CREATE TABLE {table} (id INT, key INT) USING iceberg")
    sql(f"INSERT INTO {table} SELECT id, id * 10 FROM range(10)")
    java.delete_rows(table, ["key"], [(20,), (40,)])
    sql(f"ALTER TABLE {table} DROP COLUMN key")  # Spark no longer opens it
    # The specification, "Equality Delete Files": columns that were dropped are still read for their deletes.
    maker.check_by_hand(table, [{"id": id} for id in range(10) if id not in (2, 4)], files=FILES_OF_A_RANGE)


def defaults(sql, maker, java):
    check = maker.check
    table = "media.defaults"
    sql(f"CREATE TABLE {table} (id INT) USING iceberg TBLPROPERTIES ('format-version'='3')")
    sql(f"INSERT INTO {table} VALUES (1), (2)")
    types = java.iceberg.types
    lit = java.iceberg.expressions.Expressions.lit
    loaded = java.lake.table(table)
    change = loaded.updateSchema()
    change.addColumn("n", getattr(types, "Types$IntegerType").get(), lit(7))
    change.addColumn("s", getattr(types, "Types$StringType").get(), lit("é default"))
    change.addRequiredColumn("must", getattr(types, "Types$IntegerType").get(), lit(-1))
    change.commit()
    sql(f"INSERT INTO {table} VALUES (3, null, 'x', 5)")
    check(table)
    check(table, "n = 7")
    check(table, "n IS NULL")
    check(table, "must < 0")


SUBJECTS = [equality_deletes, defaults]
