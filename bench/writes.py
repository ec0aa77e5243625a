# SPDX-License-Identifier: Apache-2.0
"""MERGE and DELETE: Daypart beside a warm Spark, in turn in one run, on tables of one catalog.

    python bench/writes.py [WORD …]   # only statements that have a word; ROUNDS=5; needs Spark and a build

A table of 2 M ad rows takes 200 k rows by MERGE (half updates, half new), and loses 1 % of its rows by DELETE;
each copy-on-write and merge-on-read. Daypart makes the table once, and it is put back before each statement
of either side, so both work on the same files. Daypart's time is that of a whole process from start to exit;
Spark's is that of the statement alone in a JVM that has run it before. Afterwards both tables are compared by
sums. cpu is the time of both cores, which says more than the clock where others use the machine as well.
"""

import contextlib
import json
import os
import pathlib
import sqlite3
import statistics
import sys
import tempfile

import duckdb
import spark_warm
from process import run_measured

ROOT = pathlib.Path(__file__).resolve().parents[1]
DAYPART = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
ROWS = int(os.environ.get("ROWS", "2000000"))
UPSERTS = ROWS // 10
WARMING = 3  # runs of a statement by Spark before it is timed, so that its code is compiled
RATIO_WANTED = 10.0

MERGE = ("MERGE INTO media.ad AS t USING media.up AS s ON t.ad_id = s.ad_id "
         "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
PARTIAL = ("MERGE INTO media.ad AS t USING media.up AS s ON t.ad_id = s.ad_id "
           "WHEN MATCHED THEN UPDATE SET revenue_usd = t.revenue_usd + s.revenue_usd")
DELETE = "DELETE FROM media.ad WHERE ad_id % 100 = 7"
STATEMENTS = [("MERGE", MERGE), ("MERGE SET one column", PARTIAL), ("DELETE 1 %", DELETE)]
CHECK = ("SELECT count(*) AS rows, sum(ad_id) AS ids, sum(impressions) AS impressions, "
         "CAST(round(sum(revenue_usd)) AS BIGINT) AS revenue FROM media.ad")


def make_data():
    connection = duckdb.connect()
    connection.execute(f"""CREATE TABLE ad AS SELECT i AS ad_id, (hash(i) % 500)::INT AS channel_id,
        (hash(i * 3) % 2000)::INT AS campaign_id,
        DATE '2026-01-01' + (hash(i * 5) % 300)::INT AS ad_date,
        (hash(i * 7) % 100000)::INT AS impressions, (hash(i * 9) % 1000)::INT AS clicks,
        round((hash(i * 11) % 1000000) / 100.0, 2) AS revenue_usd,
        (['north', 'south', 'east', 'west'])[1 + (hash(i * 13) % 4)::INT] AS region
        FROM range({ROWS}) t(i)""")
    connection.execute("COPY ad TO 'ad.csv' (HEADER)")
    connection.execute(f"""COPY (SELECT ad_id + {ROWS - UPSERTS // 2} AS ad_id, * EXCLUDE (ad_id)
        REPLACE (revenue_usd * 2 AS revenue_usd) FROM ad WHERE ad_id < {UPSERTS}) TO 'up.csv' (HEADER)""")


def daypart(*words):
    return run_measured(DAYPART, "--json", *words)


class FreshTable:
    """The table of a version and mode: made once, and before each statement the same again.

    A statement only adds files, so the catalog's row with the first metadata is the table as it was.
    """

    def __init__(self, spark, mode, version):
        spark.sql("DROP TABLE IF EXISTS media.ad PURGE")
        settings = [word for kind in ("merge", "delete", "update")
                    for word in ("--set", f"write.{kind}.mode={mode}")]
        daypart("load", "media.ad", "ad.csv", "--format-version", str(version), *settings)
        self.location = self.catalog("SELECT metadata_location FROM iceberg_tables "
                                     "WHERE table_name = 'ad'")[0][0]

    def restore(self):
        self.catalog("UPDATE iceberg_tables SET metadata_location = ? WHERE table_name = 'ad'",
                     self.location)

    @staticmethod
    def catalog(sql, *values):
        with contextlib.closing(sqlite3.connect("lake/catalog.db", timeout=30)) as connection:
            with connection:
                return connection.execute(sql, values).fetchall()


def compare(spark, title, statement, mode, version):
    ours, theirs = [], []
    table = FreshTable(spark, mode, version)
    for _ in range(WARMING):
        spark.sql(statement)
        table.restore()
    for _ in range(ROUNDS):
        ours.append(daypart("query", "--write", statement))
        mine = json.loads(daypart("query", CHECK, "--format", "json").output)
        table.restore()
        before = spark.cpu()
        seconds = spark.sql(statement)
        theirs.append((seconds, spark.cpu() - before))
        spark_rows = [{key: int(value) for key, value in row.items()} for row in spark.rows(CHECK)]
        mine = [{key: int(value) for key, value in row.items()} for row in mine]
        assert mine == spark_rows, (title, mine, spark_rows)
        table.restore()
    wall = statistics.median(run.seconds for run in ours)
    cpu = statistics.median(run.cpu for run in ours)
    spark_wall = statistics.median(seconds for seconds, _ in theirs)
    spark_cpu = statistics.median(seconds for _, seconds in theirs)
    print(f"{title:22} {mode:14} v{version}  daypart {wall:6.3f} s (cpu {cpu:6.3f} s, "
          f"{max(run.peak for run in ours):4.0f} MiB)  spark {spark_wall:6.3f} s (cpu {spark_cpu:6.3f} s)"
          f"  ratio {spark_wall / wall:5.1f} (cpu {spark_cpu / cpu:5.1f})", flush=True)
    return spark_wall / wall


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_data()
        daypart("init", ".")
        daypart("load", "media.up", "up.csv")
        spark = spark_warm.WarmSpark(memory="4g").start(folder)
        try:
            ratios = [compare(spark, title, statement, mode, version)
                      for title, statement in STATEMENTS
                      if not sys.argv[1:] or any(word in title for word in sys.argv[1:])
                      for mode, version in (("copy-on-write", 2), ("merge-on-read", 2),
                                            ("merge-on-read", 3))]
        finally:
            spark.stop()
            os.chdir(ROOT)
    print(f"least ratio {min(ratios):.1f}, wanted {RATIO_WANTED:.0f}")


if __name__ == "__main__":
    main()
