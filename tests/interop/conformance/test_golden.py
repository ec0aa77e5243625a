# SPDX-License-Identifier: Apache-2.0
"""Daypart reads the golden tables: rows as Spark reads them, files as Iceberg's Java library plans them."""

import json
import re
import shutil
import sqlite3

import golden
import pyarrow.ipc
import pytest

CHECKS = json.loads(golden.EXPECTED.read_text())
READS_GZIP = (golden.FOLDER.parents[2] / "src" / "iceberg" / "gzip.h").exists()
TABLES = sorted({check["table"] for check in CHECKS})


@pytest.fixture(scope="session")
def golden_lake():
    return golden.unpack()


def question(check):
    """The statement in Daypart's dialect; filters are written in the words both understand."""
    where = re.sub(r"timestamp_micros\(", "make_timestamptz(", check["where"] or "true")
    where = re.sub(r"\bat\b", '"at"', where)  # a keyword of DuckDB
    where = re.sub(r"\bTIMESTAMP'([^']*)'", r"TIMESTAMPTZ'\1+00'", where)
    where = where.replace("TIMESTAMP_NTZ'", "TIMESTAMP'").replace("`", '"')
    at = f" FOR VERSION AS OF {check['at']}" if check["at"] else ""
    return f"SELECT {check['columns']} FROM {check['table']}{at} WHERE {where}"


def point_to(lake, check):
    """Lets the catalog of this test have the table in the state that the check was made in."""
    with sqlite3.connect(lake.folder / "lake" / "catalog.db") as catalog:
        catalog.execute("UPDATE iceberg_tables SET metadata_location = ? WHERE table_namespace || '.' || "
                        "table_name = ?", (check["metadata"], check["table"]))
    catalog.close()


def rows_and_files(lake, check):
    sql = question(check)
    printed = lake.folder / "rows.arrow"
    printed.write_bytes(lake.must_bytes("query", sql, "--format", "arrow"))
    with pyarrow.ipc.open_stream(printed) as stream:
        rows = golden.in_order(stream.read_all().to_pylist())
    told = lake.run("query", sql)
    found = re.search(r"([\d,]+) of ([\d,]+) files? read", told.stdout + told.stderr)
    assert found, told.stderr
    return rows, *(int(number.replace(",", "")) for number in found.groups())


def test_the_suite_is_whole():
    assert len(CHECKS) >= 225 and len(TABLES) >= 50
    assert sum(0 < check["files_read"] < check["files_total"] for check in CHECKS) >= 80


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.split(".")[1])
def test_rows_and_pruning(lake, golden_lake, table):
    if table == "media.maintained" and not READS_GZIP:
        pytest.skip("metadata compressed with gzip is not read yet")
    shutil.copy(golden_lake / "lake" / "catalog.db", lake.folder / "lake" / "catalog.db")
    wrong = []
    for check in (check for check in CHECKS if check["table"] == table):
        asked = f"{check['where']} {check['columns']} {check['at'] or ''}"
        try:
            point_to(lake, check)
            rows, read, total = rows_and_files(lake, check)
        except AssertionError as error:
            wrong.append(f"{asked}: {error}")
            continue
        if rows != check["rows"]:
            lost = [row for row in check["rows"] if row not in rows]
            added = [row for row in rows if row not in check["rows"]]
            wrong.append(f"{asked}: {len(rows)} rows, expected {len(check['rows'])}; without {lost[:2]}, "
                         f"but with {added[:2]}")
        if check["columns"] != "count(*) AS n" and read > check["files_read"] or total != check["files_total"]:
            wrong.append(f"{asked}: {read} of {total} files read, expected {check['files_read']} of "
                         f"{check['files_total']}")
    assert not wrong, "\n".join(wrong)
