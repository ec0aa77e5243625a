#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden tables anew: golden/tables.tar.xz and golden/expected.json.

    DAYPART=build/daypart .deps/venv/bin/python tests/interop/conformance/make_golden.py

Expected rows are what Spark reads, compared with what PyIceberg reads where it can; expected files are what
Iceberg's Java library plans for the filter, and those with a row of the answer that it would miss. Daypart is
only asked for an empty lake.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import traceback

import duckdb
import golden
import pyiceberg.expressions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
import tables_by_java  # noqa: E402
import tables_by_pyiceberg  # noqa: E402
import tables_by_spark  # noqa: E402
from pyiceberg.catalog.sql import SqlCatalog  # noqa: E402
from spark import Spark  # noqa: E402


class Maker:
    def __init__(self):
        if golden.LAKE.exists():
            shutil.rmtree(golden.LAKE)
        golden.LAKE.mkdir()
        subprocess.run([os.path.abspath(os.environ.get("DAYPART", "build/daypart")), "init", "."],
                       cwd=golden.LAKE, check=True, stdout=subprocess.DEVNULL)
        self.spark = Spark()
        self.lake = self.spark.lake(golden.LAKE)
        self.catalog = SqlCatalog("daypart", uri=f"sqlite:///{golden.LAKE}/lake/catalog.db",
                                  warehouse=f"file://{golden.LAKE}/lake")
        self.catalog.create_namespace_if_not_exists("media")
        self.checks = []

    def planned(self, table, where, at):
        scan = self.lake.table(table).newScan()
        if at:
            scan = scan.useRef(at.strip("'"))
        total = self.count(scan)
        if where:
            convert = self.lake.jvm.org.apache.spark.sql.execution.datasources.SparkExpressionConverter
            expression = convert.collectResolvedSparkExpression(
                self.lake.session._jsparkSession, f"daypart.{table}", where)
            scan = scan.filter(convert.convertToIcebergExpression(expression))
        return self.count(scan), total

    @staticmethod
    def count(scan):
        tasks, count = scan.planFiles().iterator(), 0
        while tasks.hasNext():
            tasks.next()
            count += 1
        return count

    def check(self, table, where=None, columns="*", at=None):
        """Rows by Spark's own evaluation of the filter on all rows of the table.

        Iceberg's Java library plans by bounds without NaN and takes columns that a file lacks for null, so
        with the filter pushed down Spark loses rows of NaN and of default values that SQL has: what it
        answers then is told, not expected. A file with such a row has to be read.
        """
        asked = f" VERSION AS OF {at}" if at else ""
        hidden = [name for name in ("_row_id", "_last_updated_sequence_number") if name in columns]
        whole = self.lake.session.sql(f"SELECT {', '.join(['*', *hidden, '_file'])} FROM {table}{asked}")
        whole.localCheckpoint().createOrReplaceTempView("whole")
        names = ", ".join(f"`{name}`" for name in whole.columns[:-1]) if columns == "*" else columns
        filtered = f"FROM whole WHERE {where or 'true'}"
        rows = golden.in_order(self.lake.sql(f"SELECT {names} {filtered}"))
        needed = self.lake.sql(f"SELECT count(DISTINCT _file) AS n {filtered}")[0]["n"]
        pushed = golden.in_order(self.lake.sql(f"SELECT {columns} FROM {table}{asked} WHERE {where or 'true'}"))
        read, total = self.planned(table, where, at)
        if pushed != rows or read < needed:
            print(f"{table} WHERE {where} SELECT {columns}: Spark has {len(rows)} rows in {needed} files; with "
                  f"the filter pushed down {len(pushed)} of {read}")
        # The state that was asked: later changes of the table do not touch what this check expects.
        location = self.lake.table(table).operations().current().metadataFileLocation()
        if columns == "*" and not where and not at:
            self.compare_with_pyiceberg(table, rows)
        self.checks.append({"table": table, "metadata": location, "where": where, "columns": columns, "at": at,
                            "rows": rows, "files_read": max(read, needed), "files_total": total})

    def check_by_pyiceberg(self, table, where=None):
        """Of a table that Spark cannot open: PyIceberg reads and plans it, DuckDB filters PyIceberg's rows."""
        loaded = self.catalog.load_table(table)
        read = loaded.scan().to_arrow()
        rows = duckdb.from_arrow(read).filter(where).to_arrow_table() if where else read
        parsed = where.replace("DATE'", "'") if where else pyiceberg.expressions.AlwaysTrue()
        planned = len(list(loaded.scan(row_filter=parsed).plan_files()))
        self.checks.append({"table": table, "metadata": loaded.metadata_location, "where": where,
                            "columns": "*", "at": None, "rows": golden.in_order(rows.to_pylist()),
                            "files_read": planned, "files_total": len(list(loaded.scan().plan_files()))})

    def check_by_hand(self, table, rows, files):
        """Of a table that only the specification tells how to read."""
        location = self.lake.table(table).operations().current().metadataFileLocation()
        self.checks.append({"table": table, "metadata": location, "where": None, "columns": "*", "at": None,
                            "rows": golden.in_order(rows), "files_read": files, "files_total": files})

    def compare_with_pyiceberg(self, table, rows):
        try:
            found = self.catalog.load_table(table).scan().to_arrow().to_pylist()
        except Exception as error:  # what PyIceberg cannot read is told, not hidden
            print(f"{table}: PyIceberg cannot read it: {type(error).__name__}: {str(error)[:150]}")
            return
        if golden.in_order(found) != rows:
            print(f"{table}: PyIceberg and Spark differ:\n  {golden.in_order(found)[:3]}\n  {rows[:3]}")

    def make(self):
        java = tables_by_java.Java(self.lake)
        subjects = [(subject, (self.lake.sql, self.check)) for subject in tables_by_spark.SUBJECTS]
        subjects += [(subject, (self.lake.sql, self, java)) for subject in tables_by_java.SUBJECTS]
        subjects += [(subject, (self.catalog, self)) for subject in tables_by_pyiceberg.SUBJECTS]
        failed = 0
        for subject, arguments in subjects:
            try:
                subject(*arguments)
            except Exception as error:  # all that is wrong in one run, not the first alone
                failed += 1
                print(f"FAILED {subject.__name__}: {str(error)[:400]}")
                traceback.print_tb(error.__traceback__, limit=4)
        self.catalog.close()
        self.spark.stop()
        return failed

    def save(self):
        golden.ARCHIVE.parent.mkdir(exist_ok=True)
        with tarfile.open(golden.ARCHIVE, "w:xz") as archive:
            archive.add(golden.LAKE, ".", filter=lambda info: None if info.name.endswith(".crc") else info)
        golden.EXPECTED.write_text(
            "[\n" + ",\n".join(json.dumps(check, ensure_ascii=False) for check in self.checks) + "\n]\n")
        print(f"{len(self.checks)} checks, {golden.ARCHIVE.stat().st_size:,} + "
              f"{golden.EXPECTED.stat().st_size:,} bytes")
        shutil.rmtree(golden.LAKE)


if __name__ == "__main__":
    maker = Maker()
    failed = maker.make()
    maker.save()
    sys.exit(1 if failed else 0)
