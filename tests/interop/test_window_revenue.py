# SPDX-License-Identifier: Apache-2.0
"""The window over loaded files: ad revenue of each daypart, restated, late and renamed under it."""

import csv
import datetime
import decimal
import json
import os
import subprocess

import pytest

DAYPART = os.environ.get("DAYPART", "build/daypart")


def run(lake, *words, check=True):
    done = subprocess.run([DAYPART, *words], cwd=lake, capture_output=True, text=True, check=False)
    if check:
        assert done.returncode == 0, done.stderr + done.stdout
    return done


@pytest.fixture(name="lake")
def fixture_lake(tmp_path):
    run(tmp_path, "init", "lake")
    lake = tmp_path / "lake"
    run(lake, "generate", "--out", "data", "--viewers", "500", "--channels", "20", "--days", "20", "--events",
        "1000", "--seed", "7")
    run(lake, "load", "media.ad_revenue", "data/ad_revenue.csv")
    return lake


def spots_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {spot["ad_id"]: spot for spot in csv.DictReader(file)}


def write_spots(path, spots):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, spots[0])
        writer.writeheader()
        writer.writerows(spots)


def model(spots):
    """Spots, impressions, clicks and revenue by daypart and day, from the file's text alone."""
    sums = {}
    for spot in spots:
        key = (spot["daypart"], spot["spot_start"][:10])
        n, impressions, clicks, revenue = sums.get(key, (0, 0, 0, decimal.Decimal(0)))
        sums[key] = (n + 1, impressions + int(spot["impressions"]), clicks + int(spot["clicks"]),
                     revenue + decimal.Decimal(spot["revenue_usd"]))
    return sums


def windows_of(lake, name="ad_revenue_by_daypart"):
    pyiceberg = pytest.importorskip("pyiceberg.catalog.sql")
    catalog = pyiceberg.SqlCatalog("daypart", uri=f"sqlite:///{lake}/lake/catalog.db",
                                   warehouse=f"file://{lake}/lake")
    return catalog.load_table(f"media.{name}").scan().to_arrow().to_pylist()


def results(lake):
    rows = windows_of(lake)
    assert all(row["window_end"] - row["window_start"] == datetime.timedelta(days=1) for row in rows)
    return {(row["daypart"], row["window_start"].date().isoformat()):
            (row["spots"], row["impressions"], row["clicks"], row["revenue_usd"]) for row in rows}


def test_restated_revenue_reaches_the_days_it_is_of(lake):
    spots = spots_of(lake / "data" / "ad_revenue.csv")
    done = run(lake, "windows", "ad_revenue_by_daypart", "--until-idle")
    assert "in 1 commit, made from all rows" in done.stdout
    assert len(spots) > 50 and results(lake) == model(spots.values())

    restated = [dict(spot, revenue_usd=str(decimal.Decimal(spot["revenue_usd"]) + decimal.Decimal("1.2345")),
                     daypart="overnight") for spot in list(spots.values())[::7]]
    write_spots(lake / "restated.csv", restated)
    run(lake, "load", "media.ad_revenue", "restated.csv", "--mode", "merge", "--key", "ad_id")
    spots.update((spot["ad_id"], spot) for spot in restated)
    run(lake, "windows", "--until-idle", "ad_revenue_by_daypart")
    assert results(lake) == model(spots.values())

    gone = [ad for ad, spot in spots.items() if spot["daypart"] == "prime"]
    run(lake, "query", "--write", "DELETE FROM media.ad_revenue WHERE daypart = 'prime'")
    for ad in gone:
        del spots[ad]
    run(lake, "windows", "--until-idle", "ad_revenue_by_daypart")
    assert gone and results(lake) == model(spots.values())


def test_spots_beyond_the_lateness_are_kept_apart(lake):
    spots = spots_of(lake / "data" / "ad_revenue.csv")
    run(lake, "windows", "ad_revenue_by_daypart", "--until-idle")
    newest = max(spot["spot_start"] for spot in spots.values())
    last = datetime.date.fromisoformat(newest[:10])
    first = next(iter(spots.values()))
    # The day before the watermark less 60 days is final, the day after it is not.
    days = {"9000001": last - datetime.timedelta(days=62), "9000002": last - datetime.timedelta(days=59)}
    added = [dict(first, ad_id=ad, spot_start=f"{day}T10:00:00.000Z") for ad, day in days.items()]
    write_spots(lake / "added.csv", added)
    run(lake, "load", "media.ad_revenue", "added.csv")
    run(lake, "windows", "ad_revenue_by_daypart", "--until-idle")
    assert results(lake) == model([*spots.values(), added[1]])
    assert [str(row["ad_id"]) for row in windows_of(lake, "ad_revenue_by_daypart_late")] == ["9000001"]
    (standing,) = json.loads(run(lake, "--json", "windows", "ad_revenue_by_daypart").stdout)
    assert standing["late_rows"] == 1 and standing["snapshots_behind"] == 0


def test_a_renamed_column_is_told_and_nothing_is_missed(lake):
    spots = spots_of(lake / "data" / "ad_revenue.csv")
    run(lake, "windows", "ad_revenue_by_daypart", "--until-idle")
    run(lake, "query", "--write", "ALTER TABLE media.ad_revenue RENAME COLUMN clicks TO taps")
    more = dict(next(iter(spots.values())), ad_id="9000001")
    write_spots(lake / "more.csv", [{("taps" if key == "clicks" else key): value for key, value in more.items()}])
    run(lake, "load", "media.ad_revenue", "more.csv")
    failed = run(lake, "windows", "ad_revenue_by_daypart", "--until-idle", check=False)
    assert failed.returncode == 1
    assert "windows/ad_revenue_by_daypart.sql does not fit the columns that media.ad_revenue has" in failed.stderr
    assert "1 snapshot behind" in run(lake, "windows", "ad_revenue_by_daypart").stdout
    assert results(lake) == model(spots.values())

    path = lake / "sql" / "windows" / "ad_revenue_by_daypart.sql"
    path.write_text(path.read_text(encoding="utf-8").replace("SUM(clicks)", "SUM(taps)"), encoding="utf-8")
    run(lake, "windows", "ad_revenue_by_daypart", "--until-idle")
    assert results(lake) == model([*spots.values(), more])
