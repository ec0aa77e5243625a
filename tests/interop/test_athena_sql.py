# SPDX-License-Identifier: Apache-2.0
"""The saved queries are SQL that Athena takes: Athena's engine is Trino, and Trino's own parser reads each of them in
the form that is sent. tools/setup.sh installs it in .deps/trino (deps.lock has the version).

Trino's whole engine is larger (134 MB), so that comparing the rows is left to who asks for it:

    DAYPART_TRINO=FOLDER make test      # a folder of jars: those of deps.lock's trino, io.trino:trino-testing and
                                        # io.trino:trino-memory of the same version, with all they depend on
"""

import csv
import decimal
import io
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
JAVA = ROOT / "tests" / "interop" / "java"
ENGINE = os.environ.get("DAYPART_TRINO")
TYPES = {"long": "bigint", "int": "integer", "double": "double", "string": "varchar", "date": "date",
         "timestamptz": "timestamp(6) with time zone", "decimal(18, 4)": "decimal(18, 4)"}


def saved_queries():
    """What `query --engine athena --saved NAME` sends: the form for Athena if there is one."""
    files = {path.stem: path for folder in ("queries", "athena") for path in (ROOT / "sql" / folder).glob("*.sql")}
    assert len(files) >= 14
    return files


def parse(*files):
    jars = pathlib.Path(os.environ.get("DAYPART_DEPS_DIR", ROOT / ".deps")) / "trino"
    assert jars.is_dir(), f"expected Trino's parser in {jars}, found none; run tools/setup.sh"
    done = subprocess.run(["java", "-cp", f"{jars}/*", str(JAVA / "TrinoParse.java"), *map(str, files)],
                          capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(line.split("\t") for line in done.stdout.splitlines())


def test_trinos_parser_reads_what_is_sent():
    files = [*saved_queries().values(), *(ROOT / "sql" / "views").glob("*.sql")]
    assert parse(*files) == {str(path): "Query" for path in files}


def test_trinos_parser_refuses_what_athena_does_not_know(tmp_path):
    """The test above would see a query that only DuckDB understands; one of ours is such, so it has two forms."""
    own = ROOT / "sql" / "queries" / "average_minute_audience.sql"
    found = parse(own)[str(own)]
    assert found.startswith("error: ") and "epoch" in found
    for number, sql in enumerate(["SELECT a::INT FROM t", "FROM t", "SELECT * EXCLUDE (a) FROM t",
                                  "SELECT a FROM t QUALIFY rank() OVER () = 1"]):
        path = tmp_path / f"{number}.sql"
        path.write_text(sql)
        assert parse(path)[str(path)].startswith("error: "), sql


def text_of(value, kind):
    """A value of our CSV as Trino's CAST of text takes it."""
    return value.replace("T", " ").replace("Z", " UTC") if kind == "timestamptz" else value


def table_statements(lake, table):
    """The rows go as text, a line each, and are taken apart by Trino: literals would be planned one by one."""
    columns = json.loads(lake.must("--json", "describe", table))["columns"]
    kinds = [column["type"] for column in columns]
    rows = list(csv.reader(io.StringIO(lake.must("query", f"SELECT * FROM {table}", "--format", "csv"))))[1:]
    assert rows and not any("\t" in value or "\n" in value for row in rows for value in row), table
    lines = ["\t".join(text_of(value, kind) for value, kind in zip(row, kinds)).replace("'", "''") for row in rows]
    casts = ", ".join(f"CAST(NULLIF(split_part(line, '\t', {place}), '') AS {TYPES[column['type']]}) AS {column['name']}"
                      for place, column in enumerate(columns, 1))
    whole = "\n".join(lines)
    yield f"CREATE TABLE {table} AS SELECT {casts} FROM UNNEST(split('{whole}', '\n')) AS lines(line)"


def is_same(ours, theirs):
    if ours == theirs or (ours == "" and theirs == "null"):
        return True
    try:
        ours, theirs = decimal.Decimal(ours), decimal.Decimal(theirs)
    except decimal.InvalidOperation:
        return False
    # Where a half is rounded to and how a mean is added up is the engine's own affair: one of the last place.
    last = min(ours.as_tuple().exponent, theirs.as_tuple().exponent)
    return ours == theirs or (last < 0 and abs(ours - theirs) <= decimal.Decimal(1).scaleb(last))


@pytest.mark.skipif(not ENGINE, reason="DAYPART_TRINO names no folder with Trino's engine")
def test_trinos_engine_gives_the_rows_that_ours_gives(lake):
    lake.must("generate", "--out", "data/", "--events", "2000", "--viewers", "300")
    lake.must("--quiet", "upload", "-r", "data", "raw/")
    lake.must("crawl", "raw/")
    lake.must("run")
    statements = [statement for table in ("viewership", "channel_metadata", "demographics", "ad_revenue")
                  for statement in table_statements(lake, f"media.{table}")]
    files = saved_queries()
    text = "\n-- ;\n".join([*statements, *(path.read_text() for path in files.values())])
    done = subprocess.run(["java", "-cp", f"{ENGINE}/*", str(JAVA / "TrinoRows.java")], input=text,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    results = done.stdout.split("-- ;\n")[len(statements):-1]
    assert len(results) == len(files)
    for name, result in zip(files, results):
        theirs = [line.split("\t") for line in result.splitlines()]
        ours = list(csv.reader(io.StringIO(lake.must("query", "--saved", name, "--format", "csv"))))[1:]
        assert len(ours) == len(theirs) > 0, name
        # Rows that the ORDER BY leaves equal may come in any order.
        ours, theirs = sorted(ours), sorted(theirs)
        different = [(one, other) for one, other in zip(ours, theirs)
                     if not all(is_same(a, b) for a, b in zip(one, other, strict=True))]
        assert not different, (name, different[:3])
