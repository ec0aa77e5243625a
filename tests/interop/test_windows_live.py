# SPDX-License-Identifier: Apache-2.0
"""The windows that `daypart init` lays out, kept by a running server and by `daypart stream`; checked by DuckDB."""

import json

import boto3
import duckdb
import pytest
from serving import Served, wait_until

VIEWS = """SELECT region, date_trunc('minute', event_time) AS window_start,
  count(*) FILTER (WHERE event_type = 'start') AS views, count(*) AS events, count(DISTINCT viewer_id) AS viewers,
  sum(watch_seconds)::BIGINT AS watch_seconds FROM source GROUP BY ALL"""
CONCURRENT = """SELECT channel_id, window_start, count(DISTINCT session_id) AS concurrent_viewers
  FROM (SELECT *, date_trunc('minute', event_time) - to_minutes(k) AS window_start FROM source, range(5) AS r(k))
  WHERE event_type <> 'stop' GROUP BY ALL"""


def rows_of(lake, name):
    catalog = lake.catalog()
    if not catalog.table_exists(name):
        return None
    return catalog.load_table(name).scan().to_arrow()


def differences(lake, name, sql):
    """Rows that only one of the window's table and DuckDB's answer over the source has."""
    source, target = rows_of(lake, "media.viewership_stream"), rows_of(lake, name)  # noqa: F841 (DuckDB reads them)
    duckdb.sql("SET TimeZone = 'UTC'")
    duckdb.sql(f"CREATE OR REPLACE TEMP TABLE wanted AS {sql}")
    names = ", ".join(column[0] for column in duckdb.sql("DESCRIBE wanted").fetchall())
    found = f"SELECT {names} FROM target"
    return duckdb.sql(f"(FROM wanted EXCEPT ALL {found}) UNION ALL ({found} EXCEPT ALL FROM wanted)").fetchall()


@pytest.mark.parametrize("keeper", ["serve", "stream"])
def test_live_events_are_in_the_windows(lake, keeper):
    stream = '\n[stream.clicks]\ntable = "media.viewership_stream"\ncommit_seconds = 1\n'
    served = lake.folder / "daypart.toml"
    plain = served.read_text()
    if keeper == "serve":
        served.write_text(plain + stream)
    with Served(lake) as server:
        boto3.client("kinesis", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="daypart",
                     aws_secret_access_key="daypart").create_stream(StreamName="clicks", ShardCount=2)
        for seed in ("7", "8"):
            lake.must("send", "--live", "4000", "--seed", seed, "--late", "100", "--stream", "clicks",
                      "--endpoint", server.url)
        if keeper == "serve":
            assert wait_until(lambda: standing(lake)["snapshots_behind"] == 0
                              and len(rows_of(lake, "media.viewership_stream")) >= 4000), server.told()
            assert server.metric('daypart_window_commits_total{window="views_by_region_minute"}') >= 1
            assert server.metric('daypart_window_late_rows_total{window="views_by_region_minute"}') == 0
            assert server.stop() == 0
        else:
            assert server.stop() == 0
            lake.must("stream", "clicks", "--until-idle")
    lake.must("windows", "--until-idle")
    assert differences(lake, "media.views_by_region_minute", VIEWS) == []
    assert differences(lake, "media.concurrent_viewers_by_channel", CONCURRENT) == []
    shown = {one["window"]: one for one in json.loads(lake.must("--json", "windows"))}
    assert shown["ad_revenue_by_daypart"]["standing"] == "waits for rows of media.ad_revenue"
    assert shown["views_by_region_minute"]["watermark"] > shown["views_by_region_minute"]["final_until"]


def standing(lake):
    return json.loads(lake.must("--json", "windows", "views_by_region_minute"))[0]


def test_windows_go_on_after_a_replay(lake):
    """What a replay keeps in the table for itself is no stream's state."""
    toml = lake.folder / "daypart.toml"
    plain = toml.read_text()
    toml.write_text(plain + '\n[stream.clicks]\nsource = "in"\n')
    (lake.folder / "in").mkdir()
    events = [{"event_id": f"e{number}", "event_time": f"2025-11-01T10:0{number}:00Z", "region": "west", "viewer_id": 1,
               "channel_id": 1, "session_id": "s", "event_type": "start", "watch_seconds": number} for number in range(4)]
    broken = dict(events[2], event_id="late", watch_seconds="17")
    (lake.folder / "in" / "a.jsonl").write_text("\n".join(json.dumps(e) for e in events) + "\n")
    lake.must("stream", "clicks", "--until-idle")
    (lake.folder / "in" / "b.jsonl").write_text(json.dumps(broken) + "\n")
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    toml.write_text(plain + '\n[stream.clicks]\nsource = "in"\ncoerce_strings = true\n')
    assert "1 replayed" in lake.must("stream", "replay-quarantine", "clicks")
    lake.must("windows", "--until-idle")
    assert differences(lake, "media.views_by_region_minute", VIEWS) == []
    found = lake.query("SELECT sum(watch_seconds) AS s FROM media.views_by_region_minute")
    assert found == [{"s": 0 + 1 + 2 + 3 + 17}]
