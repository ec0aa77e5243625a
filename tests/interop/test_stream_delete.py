# SPDX-License-Identifier: Apache-2.0
"""`daypart stream delete`: what no commit has yet is not dropped without --force, with and without a server."""

import json
import signal
import time

from serving import Served, wait_until

TABLE = "media.events"


def configure(lake, commit_seconds, more=""):
    with open(lake.folder / "daypart.toml", "a") as config:
        config.write(f'\n[stream.clicks]\ntable = "{TABLE}"\ncommit_seconds = {commit_seconds}\n{more}')


def send(lake, first, last):
    text = "".join(json.dumps({"event_id": f"e{n}", "n": n}) + "\n" for n in range(first, last))
    (lake.folder / "events.jsonl").write_text(text)
    lake.must("send", "events.jsonl", "--stream", "clicks")


def refused(lake):
    done = lake.run("stream", "delete", "clicks")
    assert done.returncode == 1 and done.stdout == "", done
    assert "--force" in done.stderr
    return done.stderr


def streams(lake):
    return [stream["stream"] for stream in json.loads(lake.must("--json", "stream", "list"))]


def count(lake):
    return lake.catalog().load_table(TABLE).scan().to_arrow().num_rows


def test_a_folders_stream_is_deleted_once_all_is_committed(lake):
    configure(lake, 3600)
    with Served(lake) as server:
        lake.must("stream", "create", "clicks", "--shards", "2")
        send(lake, 0, 1234)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    told = refused(lake)  # there is no table yet
    assert "1,234 records not in media.events" in told and "1,234 records not in " in told.split("media.events")[1]
    assert "daypart stream clicks --until-idle" in told
    assert json.loads(lake.run("--json", "stream", "delete", "clicks").stderr)["error"]["code"] == "conflict"
    lake.must("stream", "clicks", "--until-idle")
    assert count(lake) == 1234
    lake.must("stream", "delete", "clicks")
    assert streams(lake) == []
    assert count(lake) == 1234
    gone = lake.run("stream", "delete", "clicks")
    assert gone.returncode == 1 and "does not exist" in gone.stderr, gone.stderr


def test_files_that_are_behind_their_table_count_too(lake):
    configure(lake, 1, "files_commit_seconds = 3600\n")
    with Served(lake) as server:
        lake.must("stream", "create", "clicks")
        send(lake, 0, 100)
        assert wait_until(lambda: lake.catalog().table_exists(TABLE) and count(lake) == 100), server.told()
        told = refused(lake)
    assert "100 records not in file://" in told and "stream1/" in told and "events" not in told, told
    assert "within 3,600 seconds" in told


def test_a_servers_stream_needs_force_while_a_commit_waits(lake):
    configure(lake, 3600)
    with Served(lake) as server:
        lake.must("stream", "create", "clicks")
        lake.must("stream", "delete", "clicks")  # nothing is in it
        lake.must("stream", "create", "clicks")
        send(lake, 0, 500)
        assert wait_until(lambda: lake.catalog().table_exists(TABLE)), server.told()
        assert wait_until(lambda: server.query(f"SELECT count(*) AS n FROM {TABLE}") == [{"n": 500}])
        told = refused(lake)
        assert "500 records not in media.events" in told and "daypart serve, which runs" in told
        assert streams(lake) == ["clicks"]
        assert server.query(f"SELECT count(*) AS n FROM {TABLE}") == [{"n": 500}]
        lake.must("stream", "delete", "clicks", "--force")
        assert streams(lake) == []


def test_a_stream_that_was_made_again_is_counted_from_its_own_first_record(lake):
    configure(lake, 3600)
    for _ in range(2):
        with Served(lake) as server:
            lake.must("stream", "create", "clicks")
            send(lake, 0, 10)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        assert "10 records not in media.events" in refused(lake)
        lake.must("stream", "clicks", "--until-idle")
        lake.must("stream", "delete", "clicks")
        time.sleep(1.1)  # streams of one second have the same sequence numbers
