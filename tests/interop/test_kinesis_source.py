# SPDX-License-Identifier: Apache-2.0
"""`daypart stream` from Kinesis and `daypart send` to it, against servers that nobody here wrote (kinesis-local, moto)
and our own: resharding, kills, throttling, lost answers. What arrived is read by PyIceberg, what was sent by boto3."""

import base64
import collections
import hashlib
import http.client
import http.server
import json
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

import cloud
from conftest import Lake
from serving import Served, wait_until
from test_glue import GlueLake

STREAM = """
[kinesis]
endpoint = "{url}"
[stream.clicks]
source = "kinesis:clicks"
commit_size = "16KiB"
commit_seconds = 1
{more}
"""


class OwnEndpoint:
    """`daypart serve` of another lake."""

    def __init__(self, folder):
        folder.mkdir()
        self.served = Served(Lake(folder), environment=cloud.environment())
        self.url = self.served.url
        self.client = lambda service: cloud.Server.client(self, service)

    def stop(self):
        self.served.__exit__()


def start(kind, folder):
    if kind == "kinesis-local":
        return cloud.start_kinesis_local(folder)
    return cloud.start_moto(folder) if kind == "moto" else OwnEndpoint(folder / "other")


@pytest.fixture(params=["kinesis-local", "moto", "own"])
def server(request, tmp_path):
    started = start(request.param, tmp_path)
    started.kind = request.param
    yield started
    started.stop()


@pytest.fixture
def kinesis_local(tmp_path):
    started = cloud.start_kinesis_local(tmp_path)
    yield started
    started.stop()


def make_stream(server, shards, name="clicks"):
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    await_active(kinesis, name)
    return kinesis


def await_active(kinesis, name="clicks"):
    for _ in range(200):
        if kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
            return
        time.sleep(0.05)
    raise AssertionError("the stream does not become ACTIVE")


def configure(lake, url, more=""):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write(STREAM.format(url=url, more=more))


def take_in(lake, *words):
    done = lake.run("--json", "stream", "clicks", "--until-idle", *words, env=cloud.environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["sinks"][0]


def table_ids(lake):
    table = lake.catalog().load_table("media.viewership_stream")
    return table.scan(selected_fields=("event_id",)).to_arrow()["event_id"].to_pylist()


def event(number):
    return json.dumps({"event_id": f"e{number}", "viewer_id": number % 97, "event_time": "2025-11-01T10:00:00Z",
                       "region": "north"})


def put(kinesis, numbers):
    """Acknowledged, each once: what is refused is put again."""
    entries = [{"Data": event(n).encode(), "PartitionKey": str(n % 97)} for n in numbers]
    while entries:
        answer = kinesis.put_records(StreamName="clicks", Records=entries)["Records"]
        entries = [entry for entry, told in zip(entries, answer) if told.get("ErrorCode")]


def open_shards(kinesis):
    return [shard for shard in kinesis.list_shards(StreamName="clicks")["Shards"]
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]


def split(kinesis):
    shard = open_shards(kinesis)[0]
    low, high = (int(shard["HashKeyRange"][key]) for key in ("StartingHashKey", "EndingHashKey"))
    kinesis.split_shard(StreamName="clicks", ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2))
    await_active(kinesis)


def merge(kinesis):
    shards = sorted(open_shards(kinesis), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    kinesis.merge_shards(StreamName="clicks", ShardToMerge=shards[0]["ShardId"],
                         AdjacentShardToMerge=shards[1]["ShardId"])
    await_active(kinesis)


def produce(kinesis, count, failures, reshards=True):
    """Events in small calls; the stream is split and merged while they come."""
    try:
        for begin in range(0, count, 50):
            if reshards and begin == count // 3 // 50 * 50:
                split(kinesis)
            if reshards and begin == 2 * count // 3 // 50 * 50:
                merge(kinesis)
            put(kinesis, range(begin, begin + 50))
            time.sleep(0.02)
    except Exception as failure:  # noqa: BLE001  told by the test's own thread
        failures.append(failure)


def take_in_through_kills(lake, kinesis, count, seed, kills_min, life_seconds, reshards):
    """`count` events are produced while the stream's consumer is killed at random moments; in the end each must be
    there once, and reading must go on. Without the window of ids it is the positions that keep events from coming
    twice."""
    failures = []
    producer = threading.Thread(target=produce, args=(kinesis, count, failures, reshards))
    producer.start()
    chance = random.Random(seed)
    kills = 0
    while producer.is_alive() or kills < kills_min:
        with subprocess.Popen([lake.binary, "stream", "clicks"], cwd=lake.folder, env=cloud.environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as consumer:
            try:
                consumer.wait(timeout=chance.uniform(*life_seconds))
            except subprocess.TimeoutExpired:
                consumer.send_signal(signal.SIGKILL)
                kills += 1
    producer.join()
    assert not failures
    take_in(lake)
    ids = table_ids(lake)
    assert len(ids) == count, (len(ids), len(set(ids)))
    assert set(ids) == {f"e{n}" for n in range(count)}
    assert take_in(lake)["rows"] == 0
    put(kinesis, range(count, count + 10))
    assert take_in(lake)["rows"] == 10
    return kills


def run_until_stopped(lake, kinesis):
    """A consumer runs while events come and the stream is resharded, then it is told to stop."""
    put(kinesis, range(50))
    consumer = subprocess.Popen([lake.binary, "--json", "stream", "clicks"], cwd=lake.folder, text=True,
                                env=cloud.environment(), stdout=subprocess.PIPE)
    failures = []
    produce(kinesis, 600, failures)
    assert not failures
    put(kinesis, range(600, 650))
    time.sleep(2.5)
    consumer.send_signal(signal.SIGINT)
    assert consumer.wait(timeout=20) == 0
    told = json.loads(consumer.stdout.read())["sinks"][0]
    consumer.stdout.close()
    assert told["rows"] == 700
    assert collections.Counter(table_ids(lake)) == collections.Counter(
        [f"e{n}" for n in range(50)] + [f"e{n}" for n in range(650)])


def test_each_event_once_through_resharding_and_kills(lake, server):
    """moto is not resharded: it puts the records of a split shard into its children again, and new ones into shards
    that are closed."""
    kinesis = make_stream(server, 2)
    configure(lake, server.url, "dedupe_rows = 0")
    take_in_through_kills(lake, kinesis, count=3000, seed=5, kills_min=8, life_seconds=(0.1, 1.6),
                          reshards=server.kind != "moto")


def test_a_running_reader_follows_the_stream_and_stops_cleanly(lake, kinesis_local):
    kinesis = make_stream(kinesis_local, 1)
    configure(lake, kinesis_local.url, "dedupe_rows = 0")
    run_until_stopped(lake, kinesis)


def test_the_stream_job_all_on_aws(tmp_path, kinesis_local):
    """Stream in Kinesis, lake on S3, catalog in Glue; the consumer is killed. PyIceberg's GlueCatalog reads."""
    moto = cloud.start_moto(tmp_path)
    try:
        lake = GlueLake(tmp_path / "lake", moto)
        kinesis = make_stream(kinesis_local, 2)
        configure(lake, kinesis_local.url, "dedupe_rows = 0")
        failures = []
        producer = threading.Thread(target=produce, args=(kinesis, 1500, failures))
        producer.start()
        chance = random.Random(11)
        for _ in range(5):
            with subprocess.Popen([lake.binary, "stream", "clicks"], cwd=lake.folder, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=cloud.environment(**lake.more())) as consumer:
                time.sleep(chance.uniform(0.3, 2.0))
                consumer.send_signal(signal.SIGKILL)
        producer.join()
        assert not failures
        lake.must("stream", "clicks", "--until-idle")
        ids = lake.table("media.viewership_stream").scan(selected_fields=("event_id",)).to_arrow()
        assert collections.Counter(ids["event_id"].to_pylist()) == collections.Counter(f"e{n}" for n in range(1500))
    finally:
        moto.stop()


def test_the_server_takes_a_stream_in_by_itself(lake, kinesis_local):
    """The stream is made after the server; what comes is seen by queries; a kill leaves nothing out and nothing twice."""
    configure(lake, kinesis_local.url, "dedupe_rows = 0")
    with Served(lake, environment=cloud.environment()) as server:
        time.sleep(0.5)
        kinesis = make_stream(kinesis_local, 2)
        put(kinesis, range(100))
        assert wait_until(lambda: seen(server) == 100)
        put(kinesis, range(100, 150))
        assert wait_until(lambda: seen(server) == 150)
        assert 'daypart_stream_read_behind_seconds{stream="clicks"} 0' in server.ask("/metrics")[2].decode()
        server.stop(signal.SIGKILL)
    put(kinesis, range(150, 160))
    with Served(lake, environment=cloud.environment()) as server:
        assert wait_until(lambda: seen(server) == 160)
        server.stop()
    take_in(lake)
    assert collections.Counter(table_ids(lake)) == collections.Counter(f"e{n}" for n in range(160))


def seen(server):
    status, _, body = server.ask("/query", "SELECT count(*) AS n FROM media.viewership_stream")
    return json.loads(body)[0]["n"] if status == 200 else 0


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([0x80 | value & 0x7F]), value >> 7
    return out + bytes([value])


def aggregate(records):
    """As the Kinesis Producer Library packs user records; written after its description, not after our reader."""
    def field(number, data):
        return bytes([number << 3 | 2]) + varint(len(data)) + data
    keys = sorted({key for key, _ in records})
    message = b"".join(field(1, key.encode()) for key in keys)
    for key, data in records:
        message += field(3, b"\x08" + varint(keys.index(key)) + field(3, data.encode()))
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


def test_aggregated_records_come_apart(lake, kinesis_local):
    kinesis = make_stream(kinesis_local, 1)
    configure(lake, kinesis_local.url)
    packed = aggregate([(str(n % 7), event(n)) for n in range(500)])
    broken = packed[:-1] + bytes([packed[-1] ^ 1])
    for data in (event(500).encode(), packed, event(501).encode(), broken):
        kinesis.put_record(StreamName="clicks", Data=data, PartitionKey="a")
    done = lake.run("stream", "clicks", "--until-idle", env=cloud.environment())
    assert done.returncode == 3 and "1 event did not fit" in done.stderr, done.stderr
    ids = table_ids(lake)
    assert sorted(ids) == sorted(f"e{n}" for n in range(502))


class FaultyProxy:
    """Passes calls on and spoils every second one of an action in turn: throttles, fails, cuts off before or after the call was
    carried out, calls an iterator expired, refuses single records of a call."""

    def __init__(self, url):
        proxy = self
        self.calls = collections.Counter()
        self.lock = threading.Lock()
        self.spoiled = collections.Counter()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, document):
                self.send_response(status)
                body = json.dumps(document).encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def cut(self):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def pass_on(self, body):
                connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
                headers = {name: value for name, value in self.headers.items()
                           if name.lower() in ("x-amz-target", "content-type", "authorization", "x-amz-date")}
                connection.request("POST", "/", body, headers)
                answer = connection.getresponse()
                document = json.loads(answer.read() or b"{}")
                connection.close()
                return answer.status, document

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                action = self.headers["X-Amz-Target"].rsplit(".", 1)[1]
                with proxy.lock:
                    fault = proxy.choose(action)
                    proxy.spoiled[fault] += fault is not None
                if fault == "throttle":
                    return self.reply(400, {"__type": "ProvisionedThroughputExceededException", "message": "slow down"})
                if fault == "expire":
                    return self.reply(400, {"__type": "ExpiredIteratorException", "message": "too old"})
                if fault == "fail":
                    return self.reply(500, {"__type": "InternalFailure", "message": "oh"})
                if fault == "cut":
                    return self.cut()
                refused = []
                if fault == "refuse":
                    call = json.loads(body)
                    refused = [n for n in range(len(call["Records"])) if n % 3 == 1]
                    call["Records"] = [r for n, r in enumerate(call["Records"]) if n not in refused]
                    body = json.dumps(call).encode()
                status, document = self.pass_on(body)
                for n in refused:
                    document["Records"].insert(n, {"ErrorCode": "ProvisionedThroughputExceededException",
                                                   "ErrorMessage": "slow down"})
                    document["FailedRecordCount"] = len(refused)
                if fault == "lose":
                    return self.cut()
                return self.reply(status, document)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def choose(self, action):
        faults = {"GetRecords": ["expire"], "PutRecords": ["refuse", "refuse"]}.get(action, [])
        faults += ["lose", "throttle", "cut", "fail"]
        self.calls[action] += 1
        turn, is_spoiled = divmod(self.calls[action], 2)
        return faults[turn % len(faults)] if is_spoiled else None

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def faulty(kinesis_local):
    proxy = FaultyProxy(kinesis_local.url)
    yield proxy
    proxy.stop()


def test_sent_and_taken_in_through_faults(lake, kinesis_local, faulty):
    """send is told its target by [stream.clicks]; nothing that it counts is missing, the order by key holds."""
    count = 2000
    kinesis = make_stream(kinesis_local, 3)
    configure(lake, faulty.url)
    (lake.folder / "events.jsonl").write_text("\n".join(event(n) for n in range(count)) + "\n")
    sent = lake.run("--json", "send", "events.jsonl", "--stream", "clicks", env=cloud.environment())
    assert sent.returncode == 0, sent.stderr
    report = json.loads(sent.stdout)
    assert report["acknowledged"] == count and report["sent_again"] > 0
    by_key = collections.defaultdict(list)
    for record in cloud.records_of(kinesis, "clicks"):
        by_key[record["PartitionKey"]].append(int(json.loads(record["Data"])["event_id"][1:]))
    assert sorted({n for numbers in by_key.values() for n in numbers}) == list(range(count))
    for numbers in by_key.values():
        firsts = list(dict.fromkeys(numbers))  # those sent twice keep the place of the first
        assert firsts == sorted(firsts)
    took = take_in(lake)
    assert took["rows"] == count
    assert sorted(table_ids(lake)) == sorted(f"e{n}" for n in range(count))
    print(faulty.spoiled)
    assert set(faulty.spoiled) >= {"throttle", "fail", "cut", "lose", "expire", "refuse"}


def test_by_arn_and_by_environment(lake, kinesis_local):
    kinesis = make_stream(kinesis_local, 1)
    put(kinesis, range(20))
    arn = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["StreamARN"]
    environment = cloud.environment(AWS_ENDPOINT_URL_KINESIS=kinesis_local.url, AWS_REGION="eu-west-3")
    command = ["--json", "stream", "clicks", "--until-idle", "--from"]
    by_arn = lake.run(*command, "kinesis:" + arn, env=environment)
    assert json.loads(by_arn.stdout)["sinks"][0]["rows"] == 20, by_arn.stderr
    (lake.folder / "more.jsonl").write_text(event(20) + "\n")
    sent = lake.run("send", "more.jsonl", "--stream", "clicks", "--aws", "--region", "us-east-1", env=environment)
    assert sent.returncode == 0, sent.stderr
    # The stream is the same by its name: it goes on.
    by_name = lake.run(*command, "kinesis:clicks", env=environment | {"AWS_REGION": "us-east-1"})
    assert json.loads(by_name.stdout)["sinks"][0]["rows"] == 1, by_name.stderr
    missing = lake.run(*command, "kinesis:nothing", env=environment | {"AWS_REGION": "us-east-1"})
    assert missing.returncode == 1 and "nothing" in missing.stderr
    assert "ResourceNotFoundException" in missing.stderr


def test_a_stream_is_made_listed_and_deleted_at_kinesis(lake, kinesis_local):
    environment = cloud.environment(AWS_ENDPOINT_URL_KINESIS=kinesis_local.url, AWS_REGION="us-east-1")
    made = lake.run("--json", "stream", "create", "fresh", "--shards", "2", "--aws", env=environment)
    assert made.returncode == 0, made.stderr
    facts = json.loads(made.stdout)
    # It is ready when the command ends, and the one that boto3 sees.
    assert (facts["status"], facts["shards"]) == ("ACTIVE", 2) and facts["arn"].endswith(":stream/fresh")
    kinesis = make_stream(kinesis_local, 1)
    assert len(kinesis.list_shards(StreamName="fresh")["Shards"]) == 2
    listed = json.loads(lake.run("--json", "stream", "list", "--aws", env=environment).stdout)
    assert {"kinesis:clicks", "kinesis:fresh"} <= {stream["source"] for stream in listed}
    again = lake.run("--json", "stream", "create", "fresh", "--aws", env=environment)
    assert again.returncode == 1 and json.loads(again.stderr)["error"]["code"] == "already exists"
    assert lake.run("stream", "delete", "fresh", "--aws", env=environment).returncode == 0
    assert "fresh" not in [name for name in kinesis.list_streams()["StreamNames"]
                           if kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
                           != "DELETING"]


def test_a_wrong_secret_is_told(lake, tmp_path):
    own = OwnEndpoint(tmp_path / "other")
    try:
        make_stream(own, 1)
        configure(lake, own.url)
        done = lake.run("--log-level", "debug", "stream", "clicks", "--until-idle",
                        env=cloud.environment(secret="not-the-secret"))
        assert done.returncode == 1
        assert "secret access key does not belong" in done.stderr and "not-the-secret" not in done.stderr
        assert base64.b64encode(b"not-the-secret").decode() not in done.stderr
    finally:
        own.stop()
