# SPDX-License-Identifier: Apache-2.0
"""The window over loaded files: ad revenue of each daypart, restated, late and renamed under it."""

import csv
import datetime
import decimal
import json

import pytest

WINDOW = "ad_revenue_by_daypart"


@pytest.fixture(name="spots")
def fixture_spots(lake):
    """The spots by id, as a file that media.ad_revenue and its window were made from."""
    lake.must("generate", "--out", "data", "--viewers", 500, "--channels", 20, "--days", 20, "--events", 1000,
              "--seed", 7)
    lake.must("load", "media.ad_revenue", "data/ad_revenue.csv")
    assert "in 1 commit, made from all rows" in lake.must("windows", WINDOW, "--until-idle")
    with open(lake.folder / "data" / "ad_revenue.csv", encoding="utf-8", newline="") as file:
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


def rows_of(lake, table):
    return lake.catalog().load_table(f"media.{table}").scan().to_arrow().to_pylist()


def results(lake):
    rows = rows_of(lake, WINDOW)
    assert all(row["window_end"] - row["window_start"] == datetime.timedelta(days=1) for row in rows)
    return {(row["daypart"], row["window_start"].date().isoformat()):
            (row["spots"], row["impressions"], row["clicks"], row["revenue_usd"]) for row in rows}


def test_restated_revenue_reaches_the_days_it_is_of(lake, spots):
    assert len(spots) > 50 and results(lake) == model(spots.values())

    restated = [dict(spot, revenue_usd=str(decimal.Decimal(spot["revenue_usd"]) + decimal.Decimal("1.2345")),
                     daypart="overnight") for spot in list(spots.values())[::7]]
    write_spots(lake.folder / "restated.csv", restated)
    lake.must("load", "media.ad_revenue", "restated.csv", "--mode", "merge", "--key", "ad_id")
    spots.update((spot["ad_id"], spot) for spot in restated)
    lake.must("windows", WINDOW, "--until-idle")
    assert results(lake) == model(spots.values())

    gone = [ad for ad, spot in spots.items() if spot["daypart"] == "prime"]
    lake.must("query", "--write", "DELETE FROM media.ad_revenue WHERE daypart = 'prime'")
    for ad in gone:
        del spots[ad]
    lake.must("windows", WINDOW, "--until-idle")
    assert gone and results(lake) == model(spots.values())


def test_spots_beyond_the_lateness_are_kept_apart(lake, spots):
    newest = max(spot["spot_start"] for spot in spots.values())
    last = datetime.date.fromisoformat(newest[:10])
    first = next(iter(spots.values()))
    # The day before the watermark less 60 days is final, the day after it is not.
    days = {"9000001": last - datetime.timedelta(days=62), "9000002": last - datetime.timedelta(days=59)}
    added = [dict(first, ad_id=ad, spot_start=f"{day}T10:00:00.000Z") for ad, day in days.items()]
    write_spots(lake.folder / "added.csv", added)
    lake.must("load", "media.ad_revenue", "added.csv")
    lake.must("windows", WINDOW, "--until-idle")
    assert results(lake) == model([*spots.values(), added[1]])
    assert [str(row["ad_id"]) for row in rows_of(lake, WINDOW + "_late")] == ["9000001"]
    (standing,) = json.loads(lake.must("--json", "windows", WINDOW))
    assert standing["late_rows"] == 1 and standing["snapshots_behind"] == 0


def test_a_renamed_column_is_told_and_nothing_is_missed(lake, spots):
    lake.must("query", "--write", "ALTER TABLE media.ad_revenue RENAME COLUMN clicks TO taps")
    more = dict(next(iter(spots.values())), ad_id="9000001")
    write_spots(lake.folder / "more.csv", [{("taps" if key == "clicks" else key): value for key, value in more.items()}])
    lake.must("load", "media.ad_revenue", "more.csv")
    failed = lake.run("windows", WINDOW, "--until-idle")
    assert failed.returncode == 1
    assert "windows/ad_revenue_by_daypart.sql does not fit the columns that media.ad_revenue has" in failed.stderr
    assert "1 snapshot behind" in lake.must("windows", WINDOW)
    assert results(lake) == model(spots.values())

    path = lake.folder / "sql" / "windows" / "ad_revenue_by_daypart.sql"
    path.write_text(path.read_text(encoding="utf-8").replace("SUM(clicks)", "SUM(taps)"), encoding="utf-8")
    lake.must("windows", WINDOW, "--until-idle")
    assert results(lake) == model([*spots.values(), more])
