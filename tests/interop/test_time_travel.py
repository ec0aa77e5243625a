# SPDX-License-Identifier: Apache-2.0
"""Time travel by snapshot, tag and time; the tag is made by PyIceberg, which reads the same rows."""


def test_a_table_is_read_as_it_was(lake):
    assert lake.load("media.t", "id,name\n1,a\n").returncode == 0
    assert lake.load("media.t", "id,name\n2,b\n").returncode == 0
    lake.must("query", "--write", "DELETE FROM media.t WHERE id = 1")
    table = lake.catalog().load_table("media.t")
    first, second, third = table.history()
    table.manage_snapshots().create_tag(second.snapshot_id, "before-delete").commit()

    def ids(clause):
        return [row["id"] for row in lake.query(f"SELECT t.id FROM media.t {clause} ORDER BY id")]

    assert ids("") == [2]
    assert ids(f"FOR VERSION AS OF {first.snapshot_id}") == [1]
    assert ids("FOR VERSION AS OF 'before-delete'") == [1, 2]
    for entry, expected in ((first, [1]), (second, [1, 2]), (third, [2])):
        assert ids("FOR TIMESTAMP AS OF to_be_replaced".replace(
            "to_be_replaced", f"'{_iso(entry.timestamp_ms)}'")) == expected
        rows = table.scan(snapshot_id=entry.snapshot_id).to_arrow()["id"].to_pylist()
        assert sorted(rows) == expected
    both = lake.query(f"SELECT n.id FROM media.t FOR VERSION AS OF {second.snapshot_id} AS o "
                      "JOIN media.t AS n ON n.id = o.id")
    assert both == [{"id": 2}]


def test_a_date_alone_and_offsets_are_times(lake):
    import datetime
    assert lake.load("media.t", "id\n1\n").returncode == 0
    first_ms = lake.catalog().load_table("media.t").history()[0].timestamp_ms
    while lake.catalog().load_table("media.t").history()[-1].timestamp_ms < first_ms + 2:
        assert lake.load("media.t", "id\n2\n").returncode == 0
    first = datetime.datetime.fromtimestamp(first_ms / 1000, datetime.timezone.utc)

    def ids(time):
        return [r["id"] for r in lake.query(f"SELECT id FROM media.t FOR TIMESTAMP AS OF '{time}'")]

    assert 2 in ids("2090-01-01") and 2 in ids("2090-01-01 00:00:00+02:00")
    for hours in (-11.5, -3, 0, 2, 5.75):
        zone = datetime.timezone(datetime.timedelta(hours=hours))
        assert ids(first.astimezone(zone).isoformat(timespec="milliseconds")) == [1]
    before = first.astimezone(datetime.timezone(datetime.timedelta(hours=2)))
    before -= datetime.timedelta(milliseconds=1)
    for time in (before.isoformat(timespec="milliseconds"), "2001-01-01"):
        told = lake.run("query", f"SELECT * FROM media.t FOR TIMESTAMP AS OF '{time}'")
        assert told.returncode == 1 and "no snapshot" in told.stderr
    wrong = lake.run("query", "SELECT * FROM media.t FOR TIMESTAMP AS OF '2030-13-01'")
    assert wrong.returncode == 1 and "FOR TIMESTAMP AS OF" in wrong.stderr


def test_a_time_before_the_table_is_told(lake):
    assert lake.load("media.t", "id\n1\n").returncode == 0
    for clause in ("FOR TIMESTAMP AS OF '2001-01-01T00:00:00Z'", "FOR VERSION AS OF 5",
                   "FOR VERSION AS OF 'none'"):
        result = lake.run("query", f"SELECT * FROM media.t {clause}")
        assert result.returncode == 1 and "no snapshot" in result.stderr


def test_an_old_snapshot_has_its_old_columns(lake):
    assert lake.load("media.t", "id,name\n1,a\n").returncode == 0
    table = lake.catalog().load_table("media.t")
    old = table.current_snapshot().snapshot_id
    with table.update_schema() as change:
        change.rename_column("name", "title")
    assert lake.query("SELECT title FROM media.t") == [{"title": "a"}]
    assert lake.query(f"SELECT name FROM media.t FOR VERSION AS OF {old}") == [{"name": "a"}]


def _iso(milliseconds):
    import datetime
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
