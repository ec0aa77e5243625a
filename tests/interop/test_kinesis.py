# SPDX-License-Identifier: Apache-2.0
"""The Kinesis API of `daypart serve`, by the clients that people have: boto3 and the AWS CLI, endpoint changed only."""

import concurrent.futures
import datetime
import hashlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import time

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import pytest
from botocore.exceptions import ClientError

from serving import Served

KEY, SECRET = "AKIDTEST", "secret/of+the+test"
ALL = 2**128


@pytest.fixture
def served(lake):
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
    with Served(lake, environment=environment) as server:
        yield server


def client_of(server, key=KEY, secret=SECRET, **options):
    return boto3.client("kinesis", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=key,
                        aws_secret_access_key=secret,
                        config=botocore.config.Config(retries={"max_attempts": 1}, **options))


@pytest.fixture
def kinesis(served):
    return client_of(served)


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def read_shard(kinesis, stream, shard, **start):
    """All records of a shard, and its children if it has ended."""
    start = start or {"ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, **start)["ShardIterator"]
    records = []
    while True:
        answer = kinesis.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer.get("NextShardIterator")
        if iterator is None:
            return records, answer["ChildShards"]
        if answer["MillisBehindLatest"] == 0:
            return records, []


def shards_of(kinesis, stream, **filters):
    return kinesis.list_shards(StreamName=stream, **filters)["Shards"]


def hash_of(key):
    return int.from_bytes(hashlib.md5(key.encode()).digest(), "big")


def test_streams_are_made_described_listed_and_deleted(kinesis):
    kinesis.create_stream(StreamName="clicks", ShardCount=3)
    kinesis.get_waiter("stream_exists").wait(StreamName="clicks")
    told = kinesis.describe_stream(StreamName="clicks")["StreamDescription"]
    assert told["StreamARN"] == "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
    assert (told["StreamStatus"], told["RetentionPeriodHours"], told["HasMoreShards"]) == ("ACTIVE", 24, False)
    age = datetime.datetime.now(datetime.timezone.utc) - told["StreamCreationTimestamp"]
    assert abs(age.total_seconds()) < 60
    ranges = [tuple(map(int, shard["HashKeyRange"].values())) for shard in told["Shards"]]
    assert [low for low, _ in ranges] == [0] + [high + 1 for _, high in ranges[:-1]]
    assert ranges[-1][1] == ALL - 1
    summary = kinesis.describe_stream_summary(StreamARN=told["StreamARN"])["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["ConsumerCount"]) == (3, 0)
    part = kinesis.describe_stream(StreamName="clicks", Limit=2)["StreamDescription"]
    assert [s["ShardId"] for s in part["Shards"]] == ["shardId-000000000000", "shardId-000000000001"]
    assert part["HasMoreShards"]
    for name in ("a", "b", "c"):
        kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    pages = list(kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 2}))
    assert [page["StreamNames"] for page in pages] == [["a", "b"], ["c", "clicks"]]
    assert code_of(kinesis.create_stream, StreamName="a", ShardCount=1) == "ResourceInUseException"
    assert code_of(kinesis.create_stream, StreamName="x", ShardCount=1_000_000) == "LimitExceededException"
    kinesis.delete_stream(StreamName="clicks")
    kinesis.get_waiter("stream_not_exists").wait(StreamName="clicks")
    assert kinesis.list_streams()["StreamNames"] == ["a", "b", "c"]


def test_records_go_by_hash_key_and_come_back_in_order(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=4)
    ranges = {s["ShardId"]: tuple(map(int, s["HashKeyRange"].values())) for s in shards_of(kinesis, "s")}
    sent = {}
    random.seed(1)
    for turn in range(6):
        entries = [{"Data": random.randbytes(random.choice([0, 1, 2, 3, 300])), "PartitionKey": f"ключ{turn}-{i}"}
                   for i in range(100)]
        answer = kinesis.put_records(StreamName="s", Records=entries)
        assert answer["FailedRecordCount"] == 0
        for entry, told in zip(entries, answer["Records"]):
            low, high = ranges[told["ShardId"]]
            assert low <= hash_of(entry["PartitionKey"]) <= high
            sent.setdefault(told["ShardId"], []).append((told["SequenceNumber"], entry["PartitionKey"], entry["Data"]))
    one = kinesis.put_record(StreamName="s", Data=b"x" * (1 << 20), PartitionKey="k", ExplicitHashKey=str(ALL - 1))
    assert one["ShardId"] == "shardId-000000000003"
    sent[one["ShardId"]].append((one["SequenceNumber"], "k", b"x" * (1 << 20)))
    for shard, expected in sent.items():
        records, _ = read_shard(kinesis, "s", shard)
        assert [(r["SequenceNumber"], r["PartitionKey"], r["Data"]) for r in records] == expected
        numbers = [int(r["SequenceNumber"]) for r in records]
        assert numbers == sorted(set(numbers))
        age = datetime.datetime.now(datetime.timezone.utc) - records[0]["ApproximateArrivalTimestamp"]
        assert abs(age.total_seconds()) < 60


def test_all_five_iterator_types(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    shard = "shardId-000000000000"
    latest = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    numbers = [kinesis.put_record(StreamName="s", Data=bytes([i]), PartitionKey="k")["SequenceNumber"]
               for i in range(5)]
    time.sleep(0.01)
    moment = time.time()
    numbers += [kinesis.put_record(StreamName="s", Data=bytes([i]), PartitionKey="k")["SequenceNumber"]
                for i in range(5, 10)]

    def data(**start):
        return [record["Data"][0] for record in read_shard(kinesis, "s", shard, **start)[0]]

    assert data(ShardIteratorType="TRIM_HORIZON") == list(range(10))
    assert data(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[3]) == list(range(3, 10))
    assert data(ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[3]) == list(range(4, 10))
    assert data(ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[9]) == []
    assert data(ShardIteratorType="AT_TIMESTAMP", Timestamp=moment) == list(range(5, 10))
    assert data(ShardIteratorType="LATEST") == []
    first = shards_of(kinesis, "s")[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    assert data(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=first) == list(range(10))
    answer = kinesis.get_records(ShardIterator=latest, Limit=4)
    assert [record["Data"][0] for record in answer["Records"]] == [0, 1, 2, 3]
    assert answer["MillisBehindLatest"] > 0
    rest = kinesis.get_records(ShardIterator=answer["NextShardIterator"])
    assert [record["Data"][0] for record in rest["Records"]] == [4, 5, 6, 7, 8, 9]
    assert rest["MillisBehindLatest"] == 0


def test_resharding_keeps_parents_readable_and_names_children(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    keys = [f"k{i}" for i in range(200)]

    def put(turn):
        answer = kinesis.put_records(StreamName="s", Records=[
            {"Data": f"{turn}:{key}".encode(), "PartitionKey": key} for key in keys])
        assert answer["FailedRecordCount"] == 0

    put(0)
    kinesis.split_shard(StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(ALL // 2))
    put(1)
    kinesis.merge_shards(StreamName="s", ShardToMerge="shardId-000000000001",
                         AdjacentShardToMerge="shardId-000000000002")
    put(2)
    answer = kinesis.update_shard_count(StreamName="s", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (1, 2)
    put(3)
    shards = {s["ShardId"][-1]: s for s in shards_of(kinesis, "s")}
    assert [shards[i].get("ParentShardId", "-")[-1] for i in "012345"] == list("-00133")
    assert shards["3"]["AdjacentParentShardId"].endswith("2")
    assert all(("EndingSequenceNumber" in shards[i]["SequenceNumberRange"]) == (i in "0123") for i in "012345")
    assert {s["ShardId"][-1] for s in shards_of(kinesis, "s", ShardFilter={"Type": "AT_LATEST"})} == set("45")
    assert len(shards_of(kinesis, "s", ShardFilter={"Type": "FROM_TRIM_HORIZON"})) == 6
    # From the first shard by its children, each once their parents are read: every key in order.
    seen, todo, done = {}, ["shardId-000000000000"], set()
    while todo:
        shard = todo.pop(0)
        if shard in done:
            continue
        records, children = read_shard(kinesis, "s", shard)
        done.add(shard)
        for record in records:
            seen.setdefault(record["PartitionKey"], []).append(record["Data"].decode())
        todo += [c["ShardId"] for c in children if set(c["ParentShards"]) <= done]
    assert seen == {key: [f"{turn}:{key}" for turn in range(4)] for key in keys}
    assert code_of(kinesis.split_shard, StreamName="s", ShardToSplit="shardId-000000000000",
                   NewStartingHashKey="5") == "InvalidArgumentException"
    assert code_of(kinesis.split_shard, StreamName="s", ShardToSplit="shardId-000000000099",
                   NewStartingHashKey="5") == "ResourceNotFoundException"
    assert code_of(kinesis.update_shard_count, StreamName="s", TargetShardCount=9,
                   ScalingType="UNIFORM_SCALING") == "InvalidArgumentException"


def test_retention_tags_and_monitoring(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
    assert code_of(kinesis.increase_stream_retention_period, StreamName="s",
                   RetentionPeriodHours=9000) == "InvalidArgumentException"
    kinesis.decrease_stream_retention_period(StreamName="s", RetentionPeriodHours=30)
    assert kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["RetentionPeriodHours"] == 30
    assert code_of(kinesis.decrease_stream_retention_period, StreamName="s",
                   RetentionPeriodHours=1) == "InvalidArgumentException"
    kinesis.add_tags_to_stream(StreamName="s", Tags={"team": "ads", "tier": "1"})
    kinesis.remove_tags_from_stream(StreamName="s", TagKeys=["tier"])
    assert kinesis.list_tags_for_stream(StreamName="s")["Tags"] == [{"Key": "team", "Value": "ads"}]
    answer = kinesis.enable_enhanced_monitoring(StreamName="s", ShardLevelMetrics=["IncomingBytes"])
    assert answer["DesiredShardLevelMetrics"] == ["IncomingBytes"]


def test_consumers_and_subscribe_to_shard(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    arn = kinesis.describe_stream(StreamName="s")["StreamDescription"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="etl")["Consumer"]["ConsumerARN"]
    assert code_of(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="etl") == "ResourceInUseException"
    told = kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]
    assert (told["ConsumerName"], told["ConsumerStatus"], told["StreamARN"]) == ("etl", "ACTIVE", arn)
    assert [c["ConsumerName"] for c in kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]] == ["etl"]
    for i in range(20):
        kinesis.put_record(StreamName="s", Data=bytes([i]), PartitionKey=f"k{i}")
    shard = "shardId-000000000000"
    events = kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard,
                                        StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]
    assert code_of(kinesis.subscribe_to_shard, ConsumerARN=consumer, ShardId=shard,
                   StartingPosition={"Type": "LATEST"}) == "ResourceInUseException"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        late = None
        seen = []
        for event in events:
            part = event["SubscribeToShardEvent"]
            seen += [record["Data"][0] for record in part["Records"]]
            if len(seen) == 20 and late is None:
                number = part["ContinuationSequenceNumber"]
                late = pool.submit(lambda: [
                    kinesis.put_record(StreamName="s", Data=bytes([20]), PartitionKey="k"),
                    kinesis.split_shard(StreamName="s", ShardToSplit=shard, NewStartingHashKey=str(ALL // 2))])
            if "ChildShards" in part:
                assert {c["ShardId"][-1] for c in part["ChildShards"]} == set("12")
        late.result()
    assert seen == list(range(21))
    again = kinesis.subscribe_to_shard(
        ConsumerARN=consumer, ShardId=shard,
        StartingPosition={"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number})["EventStream"]
    assert [r["Data"][0] for event in again for r in event["SubscribeToShardEvent"]["Records"]] == [20]
    assert code_of(kinesis.delete_stream, StreamName="s") == "ResourceInUseException"
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)
    assert code_of(kinesis.describe_stream_consumer, ConsumerARN=consumer) == "ResourceNotFoundException"


def test_the_services_own_errors(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    shard = "shardId-000000000000"
    get = kinesis.get_shard_iterator
    assert code_of(kinesis.put_record, StreamName="none", Data=b"", PartitionKey="k") == "ResourceNotFoundException"
    assert code_of(get, StreamName="s", ShardId="shardId-000000000007",
                   ShardIteratorType="LATEST") == "ResourceNotFoundException"
    assert code_of(get, StreamName="s", ShardId=shard, ShardIteratorType="AT_SEQUENCE_NUMBER",
                   StartingSequenceNumber="123") == "InvalidArgumentException"
    assert code_of(get, StreamName="s", ShardId=shard, ShardIteratorType="AT_TIMESTAMP",
                   Timestamp=time.time() + 3600) == "InvalidArgumentException"
    assert code_of(kinesis.get_records, ShardIterator="nonsense") == "InvalidArgumentException"
    good = get(StreamName="s", ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    assert code_of(kinesis.get_records, ShardIterator=good[:-4]) == "InvalidArgumentException"
    entry = {"Data": b"x", "PartitionKey": "k"}
    put = kinesis.put_records
    assert code_of(put, StreamName="s", Records=[entry] * 501) == "ValidationException"
    assert code_of(put, StreamName="s", Records=[{**entry, "Data": b"x" * (1 << 20)}] * 6) == \
        "InvalidArgumentException"
    assert code_of(put, StreamName="s", Records=[{**entry, "Data": b"x" * ((1 << 20) + 1)}]) == "ValidationException"
    assert code_of(put, StreamName="s", Records=[{**entry, "PartitionKey": "ü" * 257}]) == "ValidationException"
    assert put(StreamName="s", Records=[{**entry, "PartitionKey": "ü" * 256}])["FailedRecordCount"] == 0
    assert code_of(put, StreamName="s", Records=[{**entry, "ExplicitHashKey": str(ALL)}]) == \
        "InvalidArgumentException"
    assert code_of(kinesis.create_stream, StreamName="bad name", ShardCount=1) == "ValidationException"


def raw(server, body, action="PutRecords", content="application/x-amz-json-1.1", key=KEY, secret=SECRET,
        change=None):
    """One signed request of any bytes. change(headers) spoils it after signing."""
    host = server.url.removeprefix("http://")
    request = botocore.awsrequest.AWSRequest("POST", server.url + "/", data=body, headers={
        "Host": host, "Content-Type": content, "X-Amz-Target": "Kinesis_20131202." + action})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret), "kinesis", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    if change:
        change(headers)
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response.status, answer


@pytest.mark.parametrize("body", [
    b"{", b"[]", b"null", b"\xff\xfe", b'{"StreamName": "s"}', b'{"StreamName": "s", "Records": 5}',
    b'{"StreamName": "s", "Records": [5]}', b'{"StreamName": 5, "Records": []}',
    b'{"StreamName": "s", "Records": [{"Data": "!!!!", "PartitionKey": "k"}]}',
    b'{"StreamName": "s", "Records": [{"Data": "ab=c", "PartitionKey": "k"}]}',
    b'{"StreamName": "s", "Records": [{"Data": "eA==", "PartitionKey": 5}]}',
    b'{"StreamName": "s", "Records": [{"PartitionKey": "k"}]}',
    b'{"StreamName": "s", "Records": [{"Data": "eA==", "PartitionKey": "\xff"}]}',
    b'{"StreamName": "s", "Records": [{"Data": "eA==", "PartitionKey": "k"}]} more',
    b"[" * 100_000, b'{"a":' * 100_000, b'{"StreamName": "s", "Records": ' + b"[" * 100_000,
], ids=lambda body: body[:24].hex())
def test_malformed_json_is_a_serialization_error(served, kinesis, body):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    for action in ("PutRecords", "GetShardIterator"):
        if action == "GetShardIterator" and b"Records" in body and body.endswith(b"}"):
            continue
        status, answer = raw(served, body, action)
        assert status == 400 and json.loads(answer)["__type"] == "SerializationException", (action, answer)
    assert read_shard(kinesis, "s", "shardId-000000000000")[0] == []


@pytest.mark.parametrize("body", [b"\x9f", b"\xbf", b"\x81" * 100_000, b"\xc1" * 1_000_000, b"\xa1\x01\x02", b"\xff",
                                  b"\xa1\x61\xff\x01", b"\x5a\xff\xff\xff\xff", b"\x1b", b"\xa0\xa0", b"\x7f\x61"],
                         ids=lambda body: body[:24].hex())
def test_malformed_cbor_is_a_serialization_error(served, body):
    status, answer = raw(served, body, "GetShardIterator", "application/x-amz-cbor-1.1")
    assert status == 400 and b"SerializationException" in answer
    assert served.ask("/health")[0] == 200


def test_signatures_are_verified(served, kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    body = b'{"StreamName": "s"}'

    def refused(expected, **options):
        status, answer = raw(served, body, "DescribeStreamSummary", **options)
        assert (status, json.loads(answer)["__type"]) == (403, expected)

    assert raw(served, body, "DescribeStreamSummary")[0] == 200
    refused("UnrecognizedClientException", key="AKIDOTHER")
    refused("InvalidSignatureException", secret="wrong")
    refused("InvalidSignatureException", change=lambda h: h.update({"X-Amz-Target": "Kinesis_20131202.DeleteStream"}))
    refused("InvalidSignatureException", change=lambda h: h.update({"X-Amz-Date": "20200101T000000Z"}))
    refused("MissingAuthenticationTokenException", change=lambda h: h.pop("Authorization"))
    refused("IncompleteSignatureException", change=lambda h: h.update({"Authorization": "AWS4-HMAC-SHA256 x"}))
    assert code_of(client_of(served, secret="wrong").list_streams) == "InvalidSignatureException"
    # A body that was changed on the way.
    host = served.url.removeprefix("http://")
    request = botocore.awsrequest.AWSRequest("POST", served.url + "/", data=body, headers={
        "Host": host, "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.DeleteStream"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY, SECRET), "kinesis", "us-east-1").add_auth(request)
    status, _, _ = served.ask("/", b'{"StreamName": "t"}', **dict(request.headers.items()))
    assert status == 403
    assert kinesis.list_streams()["StreamNames"] == ["s"]


def test_the_aws_command_line_works_by_its_endpoint(served, kinesis):
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_DEFAULT_REGION="us-east-1",
                       AWS_ENDPOINT_URL_KINESIS=served.url)
    program = os.path.join(os.path.dirname(sys.executable), "aws")

    def aws(*arguments):
        done = subprocess.run([sys.executable, program, "kinesis", *arguments, "--output", "json"], env=environment,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    aws("create-stream", "--stream-name", "s", "--shard-count", "1")
    put = aws("put-record", "--stream-name", "s", "--partition-key", "k", "--data", "aGVsbG8=")
    assert put["ShardId"] == "shardId-000000000000"
    records, _ = read_shard(kinesis, "s", "shardId-000000000000")
    assert [record["SequenceNumber"] for record in records] == [put["SequenceNumber"]]
    assert aws("describe-stream-summary", "--stream-name", "s")["StreamDescriptionSummary"]["OpenShardCount"] == 1


def test_what_was_acknowledged_survives_a_kill(lake):
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
    acknowledged = []
    with Served(lake, environment=environment) as server:
        kinesis = client_of(server)
        kinesis.create_stream(StreamName="s", ShardCount=2)
        consumer_of = kinesis.describe_stream(StreamName="s")["StreamDescription"]["StreamARN"]
        kinesis.register_stream_consumer(StreamARN=consumer_of, ConsumerName="c")

        def send(worker):
            mine = client_of(server)
            done = []
            try:
                for i in range(10_000):
                    mine.put_record(StreamName="s", Data=f"{worker}-{i}".encode(), PartitionKey=f"{worker}-{i}")
                    done.append(f"{worker}-{i}")
            except Exception:
                pass  # the server is gone; what it did not acknowledge does not count
            return done

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            workers = [pool.submit(send, worker) for worker in range(4)]
            time.sleep(1.5)
            server.stop(signal.SIGKILL)
            for worker in workers:
                acknowledged += worker.result()
    assert len(acknowledged) > 100
    with Served(lake, environment=environment) as server:
        kinesis = client_of(server)
        found = [record["Data"].decode() for shard in ("shardId-000000000000", "shardId-000000000001")
                 for record in read_shard(kinesis, "s", shard)[0]]
        assert len(found) == len(set(found)) and set(acknowledged) <= set(found)
        assert len(kinesis.list_stream_consumers(StreamARN=consumer_of)["Consumers"]) == 1
        assert server.stop() == 0
