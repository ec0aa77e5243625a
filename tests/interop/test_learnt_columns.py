# SPDX-License-Identifier: Apache-2.0
"""What a stream and a load make of odd values and of keys that are no columns; types and rows read by PyIceberg."""

import json
import time

TIME = "2026-11-01T05:30:00Z"


def begin(lake, settings=""):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write(f'\n[stream.clicks]\nsource = "in"\n{settings}')
    (lake.folder / "in").mkdir()


def write(lake, name, records):
    (lake.folder / "in" / name).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def event(number, **more):
    return {"event_id": f"e{number}", "event_time": TIME, **more}


def table(lake, name="media.viewership_stream"):
    return lake.catalog().load_table(name)


def types(lake, name="media.viewership_stream"):
    return {field.name: str(field.field_type) for field in table(lake, name).schema().fields}


def test_an_odd_first_value_decides_no_type_and_costs_its_record_only(lake):
    begin(lake)
    odd = event(0, views="n/a", watched="yes", share="-")
    write(lake, "a.jsonl", [odd] + [event(n, views=n, watched=n % 2 == 0, share=n / 4) for n in range(1, 300)])
    done = lake.run("stream", "clicks", "--until-idle")
    assert done.returncode == 3, done.stderr
    assert "views: 1 of 300 sampled values do not fit long, such as 'n/a'" in done.stderr
    assert types(lake) == {"event_id": "string", "event_time": "timestamptz", "views": "long", "watched": "boolean",
                           "share": "double"}
    rows = table(lake).scan().to_arrow()
    assert sum(rows["views"].to_pylist()) == sum(range(1, 300))
    assert [json.loads(row["raw"]) for row in table(lake, "media.quarantine").scan().to_arrow().to_pylist()] == [odd]


def test_few_or_contradictory_values_lose_no_record(lake):
    begin(lake)
    write(lake, "a.jsonl", [event(0, code="a7", price=9.99)])
    lake.must("stream", "clicks", "--until-idle")
    assert types(lake)["code"] == "string"
    # One record is no evidence: neither that codes are strings nor that prices have two digits.
    assert types(lake)["price"] == "double"
    lake.must("query", "--write", "ALTER TABLE media.viewership_stream RENAME COLUMN code TO kind")
    write(lake, "b.jsonl", [event(1, code=7, price=1.2345), event(2, code=True), event(3, code=-1.50, price=2),
                            event(4, mixed=1), event(5, mixed="x"), event(6, mixed=False)])
    done = lake.run("stream", "clicks", "--until-idle")
    assert done.returncode == 0, done.stderr
    rows = sorted(table(lake).scan().to_arrow().to_pylist(), key=lambda row: row["event_id"])
    assert [row["kind"] for row in rows] == ["a7", "7", "true", "-1.5", None, None, None]
    assert [row["mixed"] for row in rows] == [None] * 4 + ["1", "x", "false"]
    assert [row["price"] for row in rows[:4]] == [9.99, 1.2345, None, 2.0]


def test_a_string_of_many_values_takes_strings_only(lake):
    begin(lake)
    write(lake, "a.jsonl", [event(n, region="north") for n in range(200)])
    lake.must("stream", "clicks", "--until-idle")
    write(lake, "b.jsonl", [event(200, region=5)])
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    assert len(table(lake).scan().to_arrow()) == 200


def test_a_key_that_comes_up_is_learnt_from_what_is_there(lake):
    begin(lake)
    write(lake, "a.jsonl", [event(0)])
    lake.must("stream", "clicks", "--until-idle")
    # In files of one record each, so that the first run has one value.
    for number in range(1, 40):
        write(lake, f"b{number:02}.jsonl", [event(number, late="?" if number == 1 else number)])
    assert lake.run("stream", "clicks", "--until-idle").returncode == 3
    assert types(lake)["late"] == "long"
    assert len(table(lake).scan().to_arrow()) == 39


def test_the_first_event_of_a_stream_waits_for_no_other(lake):
    begin(lake)
    write(lake, "a.jsonl", [event(0, views=1)])
    started = time.monotonic()
    lake.must("stream", "clicks", "--until-idle")
    assert time.monotonic() - started < 5
    assert len(table(lake).scan().to_arrow()) == 1


def test_keys_that_become_no_columns_are_told_and_kept_in_the_summary(lake):
    begin(lake)
    records = [event(n, tags=["a", "b"], meta={"list": [1], "depth": n}) for n in range(10)]
    write(lake, "a.jsonl", records)
    done = json.loads(lake.must("--json", "stream", "clicks", "--until-idle"))
    assert [sink["left_out_keys"] for sink in done["sinks"]] == [["meta.list", "tags"]] * 2
    summary = table(lake).current_snapshot().summary
    assert json.loads(summary["daypart.left-out-keys"]) == ["meta.list", "tags"]
    assert sorted(table(lake).scan().to_arrow()["meta_depth"].to_pylist()) == list(range(10))
    # A load, in each of its modes.
    for mode in (["--mode", "append"], ["--mode", "overwrite"], ["--mode", "merge", "--key", "event_id"]):
        done = lake.run("load", "media.loaded", "in/a.jsonl", *mode)
        assert done.returncode == 0, done.stderr
        assert "left out: values of meta.list, tags" in done.stderr
        assert "key tags is left out: arrays are no columns" in done.stderr
        assert json.loads(table(lake, "media.loaded").current_snapshot().summary["daypart.left-out-keys"]) == [
            "meta.list", "tags"]
    report = json.loads(lake.must("--json", "load", "media.loaded", "in/a.jsonl"))
    assert report["left_out_keys"] == ["meta.list", "tags"]
    # One that comes up behind what columns are made from.
    lines = [json.dumps({"id": n, "text": "x" * 1000}) for n in range(6000)]
    lines[2000] = json.dumps({"id": 2000, "rare": 1})
    (lake.folder / "late.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = lake.run("load", "media.late", "late.jsonl")
    assert done.returncode == 0 and "left out: values of rare" in done.stderr, done.stderr
    assert "beyond the sample" in done.stderr
