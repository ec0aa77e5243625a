# SPDX-License-Identifier: Apache-2.0
"""The stream job in trouble: `daypart send` to Kinesis, `daypart serve` from there to a lake on S3 with its catalog
in Glue, each behind a proxy that fails, throttles, loses, cuts, and takes tokens and iterators no longer. What was
acknowledged is once in the table (PyIceberg) and once in stream1/ (pyarrow); both readers go past the proxies."""

import collections
import json
import random
import signal
import threading

import pyarrow.dataset
import pyarrow.fs
import pytest

import cloud
import faults
from serving import Served, wait_until
from test_cloud_faults import is_glue, some_fault
from test_glue import GlueLake
from test_kinesis_source import configure, event, make_stream

COUNT = 1200


def action_of(call):
    return call.target.rsplit(".", 1)[-1]


def kinesis_fault(call, chance):
    kinds = [faults.json_error(400, "ProvisionedThroughputExceededException"), faults.Cut(7), faults.Lose(),
             faults.json_error(400, "LimitExceededException"), faults.json_error(500, "InternalFailure"),
             faults.json_error(503, "ServiceUnavailable"), faults.Hang(0.2),
             faults.Mask(faults.json_error(500, "InternalFailure"))]
    if action_of(call) == "GetRecords":
        kinds.append(faults.json_error(400, "ExpiredIteratorException"))
    return chance.choice(kinds)


class StreamJob:
    """The servers, a proxy before each, and a lake that knows the proxies only."""

    def __init__(self, folder):
        self.plan = lambda call: None
        self.kinesis_local = cloud.start_kinesis_local(folder)
        self.moto = cloud.start_moto(folder)
        self.kinesis = faults.FaultProxy(self.kinesis_local.url, lambda call: self.plan(call))
        self.store = faults.FaultProxy(self.moto.url, lambda call: self.plan(call))
        self.lake = GlueLake(folder / "lake", self.moto, url=self.store.url)
        configure(self.lake, self.kinesis.url)
        make_stream(self.kinesis_local, 2)
        self.environment = cloud.environment(**self.lake.more())

    def send(self, begin, end):
        name = f"events-{begin}.jsonl"
        (self.lake.folder / name).write_text("".join(event(n) + "\n" for n in range(begin, end)))
        done = self.lake.run("--json", "send", name, "--stream", "clicks", env=self.environment)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["acknowledged"] == end - begin

    def in_table(self):
        """How often each event is there, as PyIceberg has it; nothing while the table is not made."""
        names = self.moto.client("glue").get_tables(DatabaseName="media")["TableList"]
        if not any(table["Name"] == "viewership_stream" for table in names):
            return collections.Counter()
        scan = self.lake.table("media.viewership_stream").scan(selected_fields=("event_id",))
        return collections.Counter(scan.to_arrow()["event_id"].to_pylist())

    def in_files(self):
        store = pyarrow.fs.S3FileSystem(access_key=cloud.KEY, secret_key=cloud.SECRET, region=cloud.REGION,
                                        endpoint_override=self.moto.url.removeprefix("http://"), scheme="http")
        found = store.get_file_info(pyarrow.fs.FileSelector(f"{self.lake.bucket}/demo/stream1", recursive=True,
                                                            allow_not_found=True))
        paths = [info.path for info in found if info.path.endswith(".parquet")]
        if not paths:
            return collections.Counter()
        data = pyarrow.dataset.dataset(paths, filesystem=store, format="parquet")
        return collections.Counter(data.to_table(columns=["event_id"])["event_id"].to_pylist())

    def await_once_each(self, count):
        expected = collections.Counter(f"e{n}" for n in range(count))
        arrived = wait_until(lambda: len(self.in_table()) >= count and len(self.in_files()) >= count, 90)
        assert arrived, (len(self.in_table()), len(self.in_files()), self.lake.folder)
        assert self.in_table() == expected
        assert self.in_files() == expected

    def stop(self):
        for started in (self.kinesis, self.store, self.kinesis_local, self.moto):
            started.stop()


@pytest.fixture
def job(tmp_path):
    made = StreamJob(tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("seed", [1, 2])
def test_each_acknowledged_event_is_once_in_the_table_and_once_in_the_files(job, seed):
    chance = random.Random(seed)
    lock = threading.Lock()
    lost = collections.Counter()

    def plan(call):
        with lock:
            # The answers that tell whether a commit was done are lost for certain, all else by chance.
            for what, is_it in (("table", call.target == "AWSGlue.UpdateTable"),
                                ("files", call.method == "PUT" and "/progress/" in call.path)):
                if is_it and lost[what] < 2 and call.count % 3 == 0:
                    lost[what] += 1
                    return faults.Lose()
            if call.count % 3 == 2 or chance.random() > 0.2:
                return None
            return kinesis_fault(call, chance) if call.target.startswith("Kinesis") else some_fault(call, chance)

    job.plan = plan
    with Served(job.lake, environment=job.environment) as server:
        job.send(0, COUNT // 2)
        assert wait_until(lambda: len(job.in_table()) > 0, 60), server.told()[-3000:]
        server.stop(signal.SIGKILL)
    with Served(job.lake, environment=job.environment) as server:
        job.send(COUNT // 2, COUNT)
        job.await_once_each(COUNT)
        server.stop()
    job.plan = lambda call: None
    job.lake.must("stream", "clicks", "--until-idle")
    job.await_once_each(COUNT)
    assert lost["table"] and lost["files"], lost
    assert len(job.kinesis.faults) > 5 and len(job.store.faults) > 5


def test_expired_iterators_and_tokens_end_no_stream(job, tmp_path):
    """Each token is good for 60 calls of a service, each third GetRecords finds its iterator too old."""
    job.environment |= cloud.credential_process(tmp_path)
    del job.environment["AWS_ACCESS_KEY_ID"], job.environment["AWS_SECRET_ACCESS_KEY"]
    used = collections.Counter()
    lock = threading.Lock()
    refused = collections.Counter()

    def plan(call):
        with lock:
            token = call.headers.get("x-amz-security-token")
            used[token] += 1
            if used[token] > 60:
                refused["token"] += 1
                is_json = is_glue(call) or call.target
                return (faults.json_error(400, "ExpiredTokenException") if is_json
                        else faults.s3_error(400, "ExpiredToken", "The provided token has expired."))
            if action_of(call) == "GetRecords" and call.count % 3 == 1:
                refused["iterator"] += 1
                return faults.json_error(400, "ExpiredIteratorException")
            return None

    job.plan = plan
    with Served(job.lake, environment=job.environment) as server:
        for begin in range(0, COUNT, COUNT // 4):
            job.send(begin, begin + COUNT // 4)
        job.await_once_each(COUNT)
        server.stop()
    assert refused["token"] and refused["iterator"], refused
