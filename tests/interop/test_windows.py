# SPDX-License-Identifier: Apache-2.0
"""Continuous aggregates against a plain model: out of order, late, repeated, deleted, and the keeper killed."""

import collections
import datetime
import json
import os
import random
import signal
import subprocess

import pytest
from window_model import FixedWindows, Row, Sessions, watermark_of

DAYPART = os.environ.get("DAYPART", "build/daypart")
MINUTE = 60_000_000
START = int(datetime.datetime(2025, 11, 1, tzinfo=datetime.timezone.utc).timestamp()) * 1_000_000
SELECT = """SELECT {key}, window_start, window_end, COUNT(*) AS events,
  CAST(SUM(watch_seconds) AS BIGINT) AS seconds{viewers}
FROM media.viewership_stream AS e
WHERE e.watch_seconds >= 0 -- all of them
GROUP BY {window}, {key}
"""
HEAD = "-- For the test.\n-- lateness: 20 minutes\n-- idle: 10 hours\n"
WINDOWS = {"tumbling": ("region", "tumble(event_time, INTERVAL '5 minutes')"),
           "hopping": ("region", "hop(event_time, INTERVAL 4 MINUTE, INTERVAL '10' MINUTE)"),
           "sessions": ("viewer_id", "session(event_time, INTERVAL '10 minutes')"),
           # Without the count of viewers, which is one, appends are added to what is there.
           "added_sessions": ("viewer_id", "session(event_time, INTERVAL '10 minutes')")}
VIEWERS = ", COUNT(DISTINCT viewer_id) AS viewers"


def run(lake, *words, check=True):
    done = subprocess.run([DAYPART, *words], cwd=lake, capture_output=True, text=True, check=False)
    if check:
        assert done.returncode == 0, done.stderr + done.stdout
    return done


def standing(lake, *words):
    return {one["window"]: one for one in json.loads(run(lake, "--json", "windows", *words).stdout)}


@pytest.fixture(name="lake")
def fixture_lake(tmp_path):
    run(tmp_path, "init", "lake")
    lake = tmp_path / "lake"
    (lake / "in").mkdir()
    with open(lake / "daypart.toml", "a", encoding="utf-8") as config:
        config.write('\n[stream.clicks]\nsource = "in"\n')
    for path in (lake / "sql" / "windows").iterdir():
        path.unlink()
    for name, (key, window) in WINDOWS.items():
        (lake / "sql" / "windows" / f"{name}.sql").write_text(
            HEAD + SELECT.format(key=key, window=window, viewers="" if name == "added_sessions" else VIEWERS), encoding="utf-8")
    return lake


def open_table(lake, name):
    pyiceberg = pytest.importorskip("pyiceberg.catalog.sql")
    catalog = pyiceberg.SqlCatalog("daypart", uri=f"sqlite:///{lake}/lake/catalog.db",
                                   warehouse=f"file://{lake}/lake")
    return catalog.load_table(f"media.{name}")


def micros(time):
    return int(time.timestamp()) * 1_000_000 + time.microsecond


class Producer:
    """Events of three files that move on at their own pace, most of them in order."""

    def __init__(self, lake, seed):
        self.lake, self.chance, self.next_id, self.sent = lake, random.Random(seed), 0, []
        self.times = [START, START, START]

    def event(self, shard):
        self.times[shard] += self.chance.randrange(0, MINUTE)
        time = self.times[shard] - self.chance.choice([0, 0, 0, 0, 3, 12, 25, 45, 90]) * MINUTE
        self.next_id += 1
        text = datetime.datetime.fromtimestamp(time / 1e6, datetime.timezone.utc).isoformat()
        return json.dumps({"event_id": f"e{self.next_id}", "viewer_id": self.chance.randrange(12),
                           "region": self.chance.choice(["north", "south", "east"]),
                           "watch_seconds": self.chance.randrange(600), "event_time": text})

    def send(self):
        for shard in range(3):
            lines = [self.event(shard) for _ in range(self.chance.randrange(0, 40))]
            self.sent += lines
            if self.sent:
                lines += self.chance.choices(self.sent, k=2)  # producers that send again
            with open(self.lake / "in" / f"{shard}.jsonl", "a", encoding="utf-8") as file:
                file.write("".join(line + "\n" for line in lines))
        run(self.lake, "stream", "clicks", "--until-idle", "--no-windows")


def rows_at(table, snapshot):
    arrow = table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()
    return collections.Counter(
        Row(one["event_id"], one["viewer_id"], one["region"], one["watch_seconds"],
            micros(one["event_time"])) for one in arrow.to_pylist())


def model_results(lake, snapshots_first):
    """The models after the source's history. snapshots_first: that many were there at the first look."""
    models = {"tumbling": FixedWindows("region", 20 * MINUTE, 5 * MINUTE, 5 * MINUTE),
              "hopping": FixedWindows("region", 20 * MINUTE, 10 * MINUTE, 4 * MINUTE),
              "sessions": Sessions("viewer_id", 20 * MINUTE, 10 * MINUTE),
              "added_sessions": Sessions("viewer_id", 20 * MINUTE, 10 * MINUTE)}
    table = open_table(lake, "viewership_stream")
    before, states = collections.Counter(), {}
    for index, snapshot in enumerate(table.snapshots()):
        for key, value in snapshot.summary.additional_properties.items():
            if key.startswith("daypart.stream."):
                states = json.loads(value)["shards"]
        if index + 1 < snapshots_first:
            continue
        after = rows_at(table, snapshot)
        watermark = watermark_of(list(states.values()), snapshot.timestamp_ms * 1000, 600 * MINUTE)
        for model in models.values():
            model.take(list((after - before).elements()), list((before - after).elements()), watermark)
        before = after
    return models


def table_results(lake, name, key):
    rows = open_table(lake, name).scan().to_arrow().to_pylist()
    return sorted((row[key], micros(row["window_start"]), micros(row["window_end"]), row["events"],
                   row["seconds"], row.get("viewers", 1)) for row in rows)


def late_results(lake, name):
    pyiceberg = pytest.importorskip("pyiceberg.exceptions")
    try:
        rows = open_table(lake, name + "_late").scan().to_arrow().to_pylist()
    except pyiceberg.NoSuchTableError:
        return []
    return sorted((row["event_id"], micros(row["window_start"]), row["late_windows"]) for row in rows)


def keep_and_kill(lake, chance):
    """The keeper, killed at a random moment."""
    with subprocess.Popen([DAYPART, "windows", "--until-idle"], cwd=lake, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as keeper:
        try:
            keeper.wait(timeout=chance.uniform(0.01, 0.4))
        except subprocess.TimeoutExpired:
            keeper.send_signal(signal.SIGKILL)


def check(lake, snapshots_first):
    models = model_results(lake, snapshots_first)
    shown = standing(lake)
    for name, (key, _) in WINDOWS.items():
        model = models[name]
        assert table_results(lake, name, key) == model.results(), name
        assert late_results(lake, name) == sorted(model.late), name
        assert shown[name]["late_rows"] == len(model.late), name
        assert shown[name]["snapshots_behind"] == 0, name
        told = datetime.datetime.fromisoformat(shown[name]["watermark"].replace("Z", "+00:00"))
        assert micros(told) == model.watermark, name
    return models


@pytest.mark.parametrize("seed", [1, 2])
def test_windows_are_those_of_a_plain_model(lake, seed):
    print("seed", seed)
    chance = random.Random(seed)
    producer = Producer(lake, seed)
    producer.send()
    standing(lake, "--until-idle")
    for round_ in range(7):
        for _ in range(chance.randrange(1, 4)):
            producer.send()
        if round_ % 4 == 2:
            number = chance.randrange(1, producer.next_id)
            run(lake, "query", "--write", "DELETE FROM media.viewership_stream "
                f"WHERE event_id IN ('e{number}', 'e{number + 1}', 'e{producer.next_id}')")
        if round_ % 4 == 3:
            run(lake, "query", "--write", "UPDATE media.viewership_stream SET watch_seconds = 7 "
                f"WHERE viewer_id = {chance.randrange(12)}")
            run(lake, "maintain", "media.viewership_stream", "compact")
        for _ in range(2):
            keep_and_kill(lake, chance)
        if round_ == 5:
            run(lake, "maintain", "media.tumbling", "compact")
    standing(lake, "--until-idle")
    models = check(lake, 1)
    assert all(model.late for model in models.values())  # else the test shows nothing of them
    before = {name: open_table(lake, name).current_snapshot().snapshot_id for name in WINDOWS}
    standing(lake, "--until-idle")
    after = {name: open_table(lake, name).current_snapshot().snapshot_id for name in WINDOWS}
    assert after == before  # nothing new: nothing is committed
    standing(lake, "--full-refresh")
    everything = rows_at(open_table(lake, "viewership_stream"),
                         open_table(lake, "viewership_stream").current_snapshot())
    for name, (key, _) in WINDOWS.items():
        whole = model_results(lake, 10**9)[name]
        whole.take(list(everything.elements()), [], None)
        assert table_results(lake, name, key) == whole.results(), name
