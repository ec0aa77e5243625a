# SPDX-License-Identifier: Apache-2.0
"""Every saved query runs and gives the columns it promises; some are checked against the CSV itself."""

import collections
import csv
import json


def test_saved_queries_give_the_columns_they_promise(lake):
    lake.must("generate", "--out", "data/", "--events", "20000", "--viewers", "500")
    lake.must("--quiet", "upload", "-r", "data", "raw/")
    assert lake.run("crawl", "raw/").returncode == 0
    lake.must("run")
    saved = json.loads(lake.must("--json", "queries"))
    assert len(saved) >= 12
    for query in saved:
        assert query["description"]
        rows = json.loads(lake.must("query", "--saved", query["name"], "--format", "json"))
        assert rows, query["name"]
        promised = [column["name"] for column in query["columns"]]
        assert list(rows[0]) == promised, query["name"]
        assert all(column["unit"] and column["meaning"] for column in query["columns"])

    starts, seconds = collections.Counter(), collections.Counter()
    for path in (lake.folder / "data").rglob("viewership_logs.csv"):
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                starts[row["region"]] += row["event_type"] == "start"
                seconds[row["device_type"]] += int(row["watch_seconds"])
    found = json.loads(lake.must("query", "--saved", "views_by_region", "--format", "json"))
    assert {row["region"]: row["views"] for row in found} == {k: v for k, v in starts.items() if v}
    found = json.loads(lake.must("query", "--saved", "device_mix", "--format", "json"))
    assert {row["device_type"] for row in found} == set(seconds)
    for row in found:  # rounded to a tenth; how halves are rounded is the engine's own affair
        assert abs(row["hours_viewed"] - seconds[row["device_type"]] / 3600) < 0.0501


def test_the_stream_name_means_what_was_loaded_until_there_is_a_stream(lake):
    lake.load("media.viewership", "event_id,region\n1,north\n2,north\n3,south\n")
    rows = lake.query("SELECT region, COUNT(*) AS views FROM viewership_stream GROUP BY region "
                      "ORDER BY region")
    assert rows == [{"region": "north", "views": 2}, {"region": "south", "views": 1}]


def test_shares_of_nothing_are_null(lake):
    """Trino, and so Athena, fails on a decimal that is divided by zero."""
    lake.load("media.ad_revenue", "ad_id,campaign_id,spot_start,impressions\n1,7,2026-11-24T20:00:00Z,0\n")
    lake.load("media.viewership", "event_id,event_time,device_type,watch_seconds\n1,2026-11-24T20:00:00Z,tv,0\n")
    for name, column in (("campaign_pacing", "delivered_pct"), ("device_mix", "share_pct"),
                         ("viewing_by_daypart", "share_pct")):
        [row] = json.loads(lake.must("query", "--saved", name, "--format", "json"))
        assert row[column] is None, name
        assert "/ NULLIF(" in (lake.folder / "sql" / "queries" / f"{name}.sql").read_text()
