# SPDX-License-Identifier: Apache-2.0
"""Spark and Daypart on the same tables of one catalog file; rows are compared with the text loaded."""

import pytest


def test_spark_reads_each_commit_of_daypart(lake):
    assert lake.load("media.ads", "ad_id,clicks\n1,10\n2,20\n").returncode == 0
    assert lake.spark.rows("media.ads") == [{"ad_id": 1, "clicks": 10}, {"ad_id": 2, "clicks": 20}]
    assert lake.load("media.ads", "ad_id,clicks\n2,21\n3,30\n", "--mode", "merge", "--key",
                     "ad_id").returncode == 0
    found = lake.spark.sql("SELECT * FROM media.ads ORDER BY ad_id")
    assert found == [{"ad_id": 1, "clicks": 10}, {"ad_id": 2, "clicks": 21}, {"ad_id": 3, "clicks": 30}]


@pytest.mark.parametrize("mode", ["copy-on-write", "merge-on-read"])
@pytest.mark.parametrize("version", [2, 3])
def test_daypart_reads_what_spark_changed(lake, version, mode):
    lake.spark.sql("CREATE TABLE media.t (id BIGINT, name STRING) USING iceberg TBLPROPERTIES ("
                   f"'format-version'='{version}', 'write.delete.mode'='{mode}')")
    lake.spark.sql("INSERT INTO media.t SELECT id, concat('n', id) FROM range(0, 100, 1, 1)")
    lake.spark.sql("DELETE FROM media.t WHERE id % 3 = 0")
    lake.must("query", "--write", "DELETE FROM media.t WHERE id < 50")
    expected = [{"id": i, "name": f"n{i}"} for i in range(50, 100) if i % 3]
    assert lake.query("SELECT * FROM media.t ORDER BY id") == expected
    assert lake.spark.sql("SELECT * FROM media.t ORDER BY id") == expected
