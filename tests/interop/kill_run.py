# SPDX-License-Identifier: Apache-2.0
"""Events through a server and a consumer that are killed at seeded random moments: each acknowledged one once.

`daypart serve` takes events over the Kinesis API from a producer that sends again what was not answered, and some
of what was; it takes the stream in itself at times, and `daypart stream` does so beside it. Both get SIGKILL at
moments spread over the run. In the end the Iceberg table, read by PyIceberg, and the files under stream1/, read by
DuckDB, must each hold each event once; while all goes on, DuckDB must never see one twice.

    DAYPART=build/daypart python tests/interop/kill_run.py --events 5000000 --kills 100 --seed 1 --folder /tmp/run
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import boto3
import botocore.config
import botocore.exceptions
import duckdb
import pyarrow
from pyarrow import compute
from pyiceberg.catalog.sql import SqlCatalog

TABLE = "media.events"
BATCH = 500
STREAM = f"""
[stream.clicks]
table = "{TABLE}"
commit_seconds = 1
"""


class Processes:
    """The server and the consumer on one lake; whoever was killed is started again."""

    def __init__(self, binary, folder, chance):
        self.binary, self.folder, self.chance = binary, folder, chance
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(folder / "processes.log", "a", encoding="utf-8")
        self.server = self.consumer = None
        plain = (folder / "daypart.toml").read_text(encoding="utf-8")
        (folder / "serving.toml").write_text(plain, encoding="utf-8")
        (folder / "daypart.toml").write_text(plain + STREAM, encoding="utf-8")

    def start_server(self, takes_in=None):
        """With the stream's configuration it takes the stream in besides, which the consumer then has to bear."""
        takes_in = self.chance.random() < 0.5 if takes_in is None else takes_in
        config = "daypart.toml" if takes_in else "serving.toml"
        for _ in range(50):
            self.server = subprocess.Popen(
                [self.binary, "--config", config, "serve", "--port", str(self.port)], cwd=self.folder,
                stdout=subprocess.PIPE, stderr=self.log, text=True)
            if self.server.stdout.readline().startswith("listening"):
                return
            self.server.wait()
            time.sleep(0.1)
        raise AssertionError("the server does not come up again; see processes.log")

    def start_consumer(self, *arguments):
        self.consumer = subprocess.Popen([self.binary, "stream", "clicks", *arguments], cwd=self.folder,
                                         stdout=self.log, stderr=self.log)

    def kill(self, what):
        process = getattr(self, what)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if what == "server":
            process.stdout.close()
            self.start_server()
        else:
            self.start_consumer()

    def stop(self):
        for process in (self.consumer, self.server):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        self.log.close()

    def client(self):
        return boto3.client(
            "kinesis", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="daypart",
            aws_secret_access_key="daypart",
            config=botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20))


class Producer(threading.Thread):
    """Sends every batch until all of it is acknowledged, and some of them once more."""

    def __init__(self, processes, batches, events, seed):
        super().__init__(daemon=True)
        self.processes, self.batches, self.events = processes, batches, events
        self.chance = random.Random(seed)
        self.acknowledged = self.calls = self.sent_again = 0
        self.error = None

    def records(self, batch):
        records = []
        for number in range(batch * BATCH, min(self.events, (batch + 1) * BATCH)):
            hour, minute = number // 37 % 6 + 15, number % 60
            data = (f'{{"event_id":{number},"viewer_id":{number % 9973},"event_time":'
                    f'"2026-11-24T{hour}:{minute:02}:30Z","region":"r{number % 7}","watch_seconds":{number % 3600}}}')
            records.append({"Data": data.encode(), "PartitionKey": str(number % 9973)})
        return records

    def send(self, client, records):
        """True if all were acknowledged; what was refused is sent again at once."""
        left = records
        while left:
            self.calls += 1
            try:
                answer = client.put_records(StreamName="clicks", Records=left)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                # No answer, or an error: whether they are there nobody knows, so all go again.
                self.sent_again += len(left)
                time.sleep(0.05)
                continue
            refused = [record for record, outcome in zip(left, answer["Records"]) if "ErrorCode" in outcome]
            self.sent_again += len(refused)
            if refused and len(refused) == len(left):
                time.sleep(0.05)
            left = refused

    def run(self):
        try:
            client = self.processes.client()
            while True:
                batch = next(self.batches, None)
                if batch is None:
                    return
                records = self.records(batch)
                self.send(client, records)
                self.acknowledged += len(records)
                if self.chance.random() < 0.03:  # as if the answer had been lost
                    self.sent_again += len(records)
                    self.send(client, records)
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.error = error


class Batches:
    """Numbers dealt out to threads."""

    def __init__(self, count):
        self.lock, self.numbers = threading.Lock(), iter(range(count))

    def __next__(self):
        with self.lock:
            return next(self.numbers)


def file_ids(folder):
    """Ids that a reader of stream1/ finds at this moment, each as often as it does."""
    pattern = f"{folder}/lake/stream1/**/*.parquet"
    if not any(pathlib.Path(folder, "lake", "stream1").rglob("*.parquet")):
        return pyarrow.array([], pyarrow.int64())
    return duckdb.connect().execute(
        f"SELECT event_id FROM read_parquet('{pattern}', hive_partitioning = true)").to_arrow_table()["event_id"]


def table_ids(folder):
    catalog = SqlCatalog("daypart", uri=f"sqlite:///{folder}/lake/catalog.db", warehouse=f"file://{folder}/lake")
    if not catalog.table_exists(TABLE):
        return pyarrow.array([], pyarrow.int64())
    return catalog.load_table(TABLE).scan(selected_fields=("event_id",)).to_arrow()["event_id"]


def repeated_count(ids):
    return len(ids) - compute.count_distinct(ids).as_py()


def check_once(ids, events, where):
    """ids are 0, 1, …, events - 1."""
    assert repeated_count(ids) == 0, f"{where}: {repeated_count(ids)} events twice"
    assert len(ids) == events, f"{where}: {len(ids)} events, {events} were sent"
    bounds = compute.min_max(ids).as_py()
    assert bounds == {"min": 0, "max": events - 1}, f"{where}: {bounds}"


def run(binary, folder, events, kills, seed, threads=2, looks=5):
    """Figures of the run; AssertionError if an event is lost or doubled."""
    folder = pathlib.Path(folder)
    chance = random.Random(seed)
    subprocess.run([binary, "--quiet", "init", "."], cwd=folder, check=True)
    processes = Processes(binary, folder, chance)
    start = time.monotonic()
    report = {"seed": seed, "events": events, "server_kills": 0, "consumer_kills": 0, "looks": 0}
    try:
        processes.start_server()
        processes.client().create_stream(StreamName="clicks", ShardCount=4)
        processes.start_consumer()
        batches = Batches((events + BATCH - 1) // BATCH)
        producers = [Producer(processes, batches, events, seed * 100 + i) for i in range(threads)]
        for producer in producers:
            producer.start()
        moments = sorted(chance.uniform(0, events) for _ in range(kills))
        looked_at = set(chance.sample(range(kills), min(looks, kills)))
        for number, moment in enumerate(moments):
            while sum(p.acknowledged for p in producers) < moment and any(p.is_alive() for p in producers):
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.2))
            what = chance.choice(("server", "consumer"))
            processes.kill(what)
            report[what + "_kills"] += 1
            if number in looked_at:
                ids = file_ids(folder)
                assert repeated_count(ids) == 0, f"a reader of stream1/ saw events twice after kill {number}"
                report["looks"] += 1
        for producer in producers:
            producer.join()
            assert producer.error is None, producer.error
        report["send_seconds"] = round(time.monotonic() - start, 1)
        report["acknowledged"] = sum(p.acknowledged for p in producers)
        report["calls"] = sum(p.calls for p in producers)
        report["sent_again"] = sum(p.sent_again for p in producers)
        processes.consumer.kill()
        processes.consumer.wait()
        processes.server.kill()
        processes.server.wait()
        processes.server.stdout.close()
        processes.start_server(takes_in=False)
        done = subprocess.run([binary, "--json", "stream", "clicks", "--until-idle"], cwd=folder, check=True,
                              capture_output=True, text=True)
        report["last_run"] = {sink["sink"].rsplit("/", 2)[-2] if "/" in sink["sink"] else sink["sink"]:
                              sink["rows"] for sink in json.loads(done.stdout)["sinks"]}
        report["seconds"] = round(time.monotonic() - start, 1)
        check_once(table_ids(folder), events, "the table")
        check_once(file_ids(folder), events, "stream1/")
        report["table_rows"] = report["file_rows"] = events
        report["files"] = sum(1 for _ in (folder / "lake" / "stream1").rglob("*.parquet"))
    finally:
        processes.stop()
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default="/tmp/daypart-kill-run")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    os.makedirs(arguments.folder)
    binary = os.path.abspath(os.environ.get("DAYPART", "build/daypart"))
    print(json.dumps(run(binary, arguments.folder, arguments.events, arguments.kills, arguments.seed,
                         arguments.threads, looks=20)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
