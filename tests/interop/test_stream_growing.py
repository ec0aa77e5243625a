# SPDX-License-Identifier: Apache-2.0
"""A stream's folder with files that are being written: whole lines at once, halves when they are whole, broken ones
once; keys of no use beside one of use; a sink that ended is told of while the others go on."""

import contextlib
import json
import signal
import subprocess
import time

from serving import wait_until

TABLE = "media.viewership_stream"


def begin(lake, settings="commit_seconds = 1\n"):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write(f'\n[stream.clicks]\nsource = "in"\n{settings}')
    (lake.folder / "in").mkdir()


def line(number, **more):
    return json.dumps({"event_id": f"e{number}", "n": number, **more}) + "\n"


def add(lake, text, name="a.jsonl"):
    with open(lake.folder / "in" / name, "a", encoding="utf-8") as file:
        file.write(text)


def rows(lake, name, column):
    if not lake.catalog().table_exists(name):
        return []
    return sorted(lake.catalog().load_table(name).scan().to_arrow()[column].to_pylist())


def raw(lake):
    return rows(lake, "media.quarantine", "raw")


@contextlib.contextmanager
def taking_in(lake):
    """`daypart stream` until it is told to stop, and what it has said by then."""
    log = lake.folder / "stream.log"
    with open(log, "w", encoding="utf-8") as told:
        with subprocess.Popen([lake.binary, "stream", "clicks"], cwd=lake.folder, stdout=subprocess.DEVNULL,
                              stderr=told) as process:
            try:
                yield process, log.read_text
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)


def test_whole_lines_of_a_growing_file_wait_for_nothing_and_halves_for_their_rest(lake):
    begin(lake)
    half = line(100, text="x" * 50)
    with taking_in(lake) as (process, told):
        # Written to more often than a file takes to settle: 2 s.
        add(lake, line(0))
        for number in range(1, 30):
            add(lake, line(number))
            time.sleep(0.1)
        # All but the last ones, though the file has never settled.
        assert len(rows(lake, TABLE, "n")) >= 10, told()
        add(lake, half[:20])
        for _ in range(12):
            time.sleep(0.2)
            (lake.folder / "in" / "a.jsonl").touch()  # its writer is at it still
        assert rows(lake, TABLE, "n") == list(range(30))
        add(lake, half[20:])
        assert wait_until(lambda: rows(lake, TABLE, "n") == [*range(30), 100]), told()
    assert process.returncode == 0, told()
    assert raw(lake) == []


def test_a_last_line_without_its_end_is_taken_once_its_file_has_settled(lake):
    begin(lake)
    add(lake, line(0) + line(1)[:-1])
    started = time.monotonic()
    lake.must("stream", "clicks", "--until-idle")
    assert time.monotonic() - started > 1.5
    assert rows(lake, TABLE, "n") == [0, 1]
    # What goes on behind it is a line of its own.
    add(lake, "\n" + line(2))
    lake.must("stream", "clicks", "--until-idle")
    assert rows(lake, TABLE, "n") == [0, 1, 2]
    assert raw(lake) == []


def test_broken_lines_of_a_growing_file_are_kept_once(lake):
    begin(lake, 'commit_seconds = 1\nfiles = ""\n')
    broken = [f"{{broken {number}\n" for number in range(6)]
    with taking_in(lake) as (process, told):
        for number, text in enumerate(broken):
            add(lake, line(number) + text)
            time.sleep(0.6)
        assert wait_until(lambda: len(raw(lake)) == 6 and len(rows(lake, TABLE, "n")) == 6), told()
    assert process.returncode == 3, told()
    # Again in other runs: the stream's files, which were turned off till now, begin at the file's first line.
    config = lake.folder / "daypart.toml"
    config.write_text(config.read_text().replace('files = ""\n', ""))
    add(lake, line(6))
    lake.run("stream", "clicks", "--until-idle")
    assert raw(lake) == [text.strip().encode() for text in broken]
    assert rows(lake, TABLE, "n") == list(range(7))


def test_keys_of_no_use_hide_none_of_use(lake):
    begin(lake)
    add(lake, line(0))
    lake.must("stream", "clicks", "--until-idle")
    useless = {f"a{number:03}": [number] for number in range(400)}
    add(lake, line(1, **useless, late=5) + line(2, later=6))
    done = lake.run("stream", "clicks", "--until-idle")
    assert done.returncode == 0 and "takes no values of a000" in done.stderr, done.stderr
    found = lake.query("SELECT n, late, later FROM viewership_stream ORDER BY n")
    assert found == [{"n": 0, "late": None, "later": None}, {"n": 1, "late": 5, "later": None},
                     {"n": 2, "late": None, "later": 6}]


def test_a_sink_that_ended_is_told_of_while_the_table_goes_on(lake):
    begin(lake)
    add(lake, line(0))
    lake.must("stream", "clicks", "--until-idle")
    (newest,) = (lake.folder / "lake" / "_stream1" / "files-clicks" / "progress").iterdir()
    newest.write_text("{}")  # nothing mends this
    with taking_in(lake) as (process, told):
        assert wait_until(lambda: "stream clicks goes on without file://" in told()), told()
        assert process.poll() is None
        add(lake, line(1), "b.jsonl")
        assert wait_until(lambda: rows(lake, TABLE, "n") == [0, 1]), told()
    assert process.returncode == 1
    assert "the progress of a stream, version 1, is expected" in told().strip().splitlines()[-1]
