# SPDX-License-Identifier: Apache-2.0
"""The standard pipeline on generated data with known faults, killed and run again."""

import csv
import json
import random
import signal
import subprocess
import time


def prepare(lake, *options):
    lake.must("generate", "--out", "data", "--events", "50000", "--viewers", "1000", *options)
    lake.must("--quiet", "upload", "-r", "data", "raw/")
    assert lake.run("crawl", "raw/").returncode == 0


def figures(lake):
    table = lake.catalog().load_table("media.viewership").scan().to_arrow()
    return table.num_rows, sum(v for v in table["watch_seconds"].to_pylist() if v is not None)


def test_run_takes_each_file_in_once(lake):
    prepare(lake)
    first = json.loads(lake.must("--json", "run"))
    assert {task["outcome"] for task in first} == {"done"}
    rows, seconds = 0, 0
    for path in (lake.folder / "data").rglob("viewership_logs.csv"):
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                rows += 1
                seconds += int(row["watch_seconds"] or 0)
    assert figures(lake) == (rows, seconds)
    again = json.loads(lake.must("--json", "run"))
    assert {task["outcome"] for task in again} == {"up to date"}
    assert len(lake.catalog().load_table("media.viewership").snapshots()) == 2


def test_an_increment_updates_and_adds(lake):
    prepare(lake)
    lake.must("run")
    path = lake.folder / "lake" / "raw" / "data" / "ad_revenue.csv"
    header, first = path.read_text().splitlines()[:2]
    cells = first.split(",")
    newer = cells[:8] + ["777"] + cells[9:11] + ["2027-01-01T00:00:00.000Z"]
    added = ["999999999"] + newer[1:]
    folder = lake.folder / "lake" / "raw" / "data" / "ad_revenue.csv"
    folder.write_text("\n".join([path.read_text().rstrip("\n"), ",".join(newer), ",".join(added)]) + "\n")
    report = {task["task"]: task for task in json.loads(lake.must("--json", "run"))}["ad_revenue"]
    assert report["files_new"] == 1 and report["rows_inserted"] == 1
    rows = lake.query(f"SELECT impressions FROM media.ad_revenue WHERE ad_id IN ({cells[0]}, 999999999)")
    assert rows == [{"impressions": 777}, {"impressions": 777}]


def test_faults_are_quarantined_and_repeats_left_out(lake):
    prepare(lake, "--faults")
    assert lake.run("run").returncode == 3
    good = lake.query("SELECT COUNT(*) AS n, COUNT(DISTINCT event_id) AS d FROM media.viewership")[0]
    assert good == {"n": 50000 + 5000, "d": 50000 + 5000}
    manifest = json.loads((lake.folder / "data" / "faults_manifest.json").read_text())
    counts = manifest["counts"]["viewership_logs.csv"]
    broken = sum(counts[kind] for kind in ["bad_timestamp", "text_in_number", "missing_fields",
                                           "extra_fields", "invalid_utf8", "unclosed_quote"])
    kept = lake.query("SELECT line, raw FROM quarantine")
    assert len(kept) == broken > 0
    lines = (lake.folder / "data" / "viewership_logs.csv").read_bytes().split(b"\n")
    for row in kept:
        start = lines[row["line"] - 1][:10].decode("ascii")
        assert row["raw"].startswith(start), row


def test_a_run_killed_at_any_moment_can_be_run_again(lake):
    prepare(lake)
    chance = random.Random(3)
    for _ in range(12):
        process = subprocess.Popen([lake.binary, "run"], cwd=lake.folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * 0.4)
        process.send_signal(signal.SIGKILL)
        process.wait()
    lake.must("run")
    rows = lake.query("SELECT COUNT(*) AS n, COUNT(DISTINCT event_id) AS d FROM media.viewership")[0]
    assert rows == {"n": 55000, "d": 55000}
    ads = lake.query("SELECT COUNT(*) AS n, COUNT(DISTINCT ad_id) AS d FROM media.ad_revenue")[0]
    assert ads["n"] == ads["d"]


def test_a_second_run_at_the_same_time_is_refused(lake):
    prepare(lake)
    processes = [subprocess.Popen([lake.binary, "run"], cwd=lake.folder, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outcomes = sorted((p.communicate()[1], p.returncode) for p in processes)
    codes = sorted(code for _, code in outcomes)
    assert codes in ([0, 0], [0, 1])
    if codes == [0, 1]:
        assert any("another daypart run" in text for text, _ in outcomes)


def test_a_rollback_behind_expired_snapshots_takes_the_files_in_again(lake):
    def take_in(number):
        (lake.folder / f"{number}.csv").write_text(
            "channel_id,channel_name,network,genre,language,country,launch_date,tier,base_cpm_usd\n"
            f"{number},c{number},n,g,en,US,2020-01-01,basic,1.5\n"
            f"{number}0,c{number}0,n,g,en,US,2020-01-01,basic,2.5\n")
        lake.must("upload", f"{number}.csv", "raw/channel_metadata/")
        assert lake.run("crawl", "raw/").returncode == 0
        lake.must("run", "--task", "channel_metadata")

    take_in(1)
    take_in(2)
    lake.must("maintain", "media.channel_metadata", "compact")
    take_in(3)
    lake.must("maintain", "media.channel_metadata", "expire", "--older-than-hours", "0", "--keep", "2", "--force")
    (compacted,) = lake.query("SELECT snapshot_id FROM media.channel_metadata$snapshots WHERE operation = 'replace'")
    lake.must("query", "--write", "CALL system.rollback_to_snapshot(table => 'media.channel_metadata', "
              f"snapshot_id => {compacted['snapshot_id']})")
    told = "SELECT channel_id FROM media.channel_metadata ORDER BY 1"
    assert [row["channel_id"] for row in lake.query(told)] == [1, 2, 10, 20]
    lake.must("run", "--task", "channel_metadata")
    assert [row["channel_id"] for row in lake.query(told)] == [1, 2, 3, 10, 20, 30]
