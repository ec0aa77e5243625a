# SPDX-License-Identifier: Apache-2.0
"""A full disk and failing fsyncs under a stream: what is acknowledged is there, once; what is not is refused."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import boto3
import botocore.config
import botocore.exceptions
import pytest

from conftest import Lake
from kill_run import TABLE, check_once, file_ids, table_ids
from serving import Served, wait_until

SOURCE = pathlib.Path(__file__).with_name("failing_sync.c")


def configure(lake):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write(f'\n[stream.clicks]\ntable = "{TABLE}"\ncommit_seconds = 1\n')


def client_of(server):
    return boto3.client("kinesis", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="daypart",
                        aws_secret_access_key="daypart",
                        config=botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=20))


def put(client, numbers, padding=0):
    """The numbers that were acknowledged."""
    records = [{"Data": json.dumps({"event_id": n, "event_time": "2026-11-24T20:15:30Z",
                                    "text": f"{n:x}" + os.urandom(padding // 2).hex()}).encode(),
                "PartitionKey": str(n)} for n in numbers]
    try:
        answer = client.put_records(StreamName="clicks", Records=records)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        return []
    return [n for n, outcome in zip(numbers, answer["Records"]) if "ErrorCode" not in outcome]


def send_all(client, numbers, seconds=60):
    end = time.monotonic() + seconds
    left = list(numbers)
    while left and time.monotonic() < end:
        taken = set(put(client, left[:400]))
        left = [n for n in left if n not in taken]
    assert not left, f"{len(left)} events are still refused"


def has_all(lake, events):
    return len(table_ids(lake.folder)) >= events and len(file_ids(lake.folder)) >= events


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", disk], capture_output=True,
                             check=False) if shutil.which("mount") else None
    if mounted is None or mounted.returncode != 0:
        pytest.skip("mounting a small tmpfs is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(small_disk):
    lake = Lake(small_disk)
    configure(lake)
    acknowledged = 0
    with Served(lake) as server:
        client = client_of(server)
        client.create_stream(StreamName="clicks", ShardCount=2)
        refused = []
        for batch in range(2000):
            numbers = range(batch * 100, batch * 100 + 100)
            taken = put(client, numbers, padding=4000)
            acknowledged += len(taken)
            if len(taken) < 100:
                refused = sorted(set(numbers) - set(taken))
                break
        assert refused, "the disk never became full"
        assert client.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["OpenShardCount"] == 2
        time.sleep(1.5)  # the sinks meet the full disk too
        server.stop(signal.SIGKILL)
    subprocess.run(["mount", "-o", "remount,size=256m", small_disk], check=True)
    events = acknowledged + len(refused)
    with Served(lake) as server:
        send_all(client_of(server), refused)
        assert wait_until(lambda: has_all(lake, events), 40), server.told()
        assert server.stop() == 0
    check_once(table_ids(lake.folder), events, "the table")
    check_once(file_ids(lake.folder), events, "stream1/")


@pytest.fixture
def failing(tmp_path):
    """The environment of a process whose fsyncs can be made to fail, and the switch for it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the failing fsync with")
    library = tmp_path / "failing_sync.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    switch = tmp_path / "sync-fails"

    def environment(within, folders_only=False):
        return {**os.environ, "LD_PRELOAD": str(library), "FAILING_SYNC_WITHIN": within,
                "FAILING_SYNC_SWITCH": str(switch), **({"FAILING_SYNC_FOLDERS": "1"} if folders_only else {})}
    return environment, switch


def test_a_failed_fsync_of_the_log_is_never_acknowledged(lake, failing):
    environment, switch = failing
    configure(lake)
    with Served(lake, environment=environment("/streams/clicks/")) as server:
        client = client_of(server)
        client.create_stream(StreamName="clicks", ShardCount=1)
        assert put(client, range(200)) == list(range(200))
        switch.touch()
        assert put(client, range(200, 300)) == []
        switch.unlink()
        # What the kernel dropped then would be missing in front of what is taken now.
        assert put(client, range(200, 300)) == []
        assert server.stop() == 0
    with Served(lake) as server:
        send_all(client_of(server), range(200, 400))
        assert wait_until(lambda: has_all(lake, 400), 40), server.told()
        assert server.stop() == 0
    check_once(table_ids(lake.folder), 400, "the table")
    check_once(file_ids(lake.folder), 400, "stream1/")


def give_500_events(lake):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write(f'\n[stream.clicks]\ntable = "{TABLE}"\nsource = "in"\n')
    (lake.folder / "in").mkdir()
    lines = [json.dumps({"event_id": n, "event_time": "2026-11-24T20:15:30Z"}) for n in range(500)]
    (lake.folder / "in" / "a.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def first_message(lake, environment):
    """What a consumer says first; it is killed then, as a power cut would."""
    with subprocess.Popen([lake.binary, "stream", "clicks", "--until-idle"], cwd=lake.folder, env=environment,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as consumer:
        message = consumer.stderr.readline().decode()
        consumer.kill()
        consumer.stderr.read()
    return message


@pytest.mark.parametrize("within", ["/_stream1/", "/lake/media/", "/progress"])
def test_a_failed_fsync_of_a_sink_commits_nothing(lake, failing, within):
    environment, switch = failing
    give_500_events(lake)
    switch.touch()
    assert "Input/output error" in first_message(lake, environment(within))
    ids = table_ids(lake.folder) if within == "/lake/media/" else file_ids(lake.folder)
    assert len(ids) == 0
    switch.unlink()
    lake.must("stream", "clicks", "--until-idle")
    check_once(table_ids(lake.folder), 500, "the table")
    check_once(file_ids(lake.folder), 500, "stream1/")


# The name of the progress object, of the first and of the last folder of the files, and of a file's new place.
@pytest.mark.parametrize("within", ["/progress", "/_stream1", "/stream1", "/hour="])
def test_a_name_that_is_not_on_disk_is_no_commit(lake, failing, within):
    environment, switch = failing
    give_500_events(lake)
    switch.touch()
    # The second finds what the first has left: a name that may be gone after a power cut is nothing to build on.
    for attempt in ("the first", "the second"):
        message = first_message(lake, environment(within, folders_only=True))
        assert "Input/output error" in message, (attempt, message)
    switch.unlink()
    lake.must("stream", "clicks", "--until-idle")
    check_once(table_ids(lake.folder), 500, "the table")
    check_once(file_ids(lake.folder), 500, "stream1/")
