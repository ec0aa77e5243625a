#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events a second that `daypart serve` acknowledges durably over HTTP, by PutRecords of 500 as boto3 sends them.

    bench/put_records.py [--seconds 10] [--senders 4] [--shards 4] [--server build/daypart]

The senders are processes on the same machine. Bodies are made and signed beforehand (a signature is good for 15
minutes), so that what is measured is the server and not Python's JSON. Afterwards every shard is read through
the API and counted: all that was acknowledged must be there.
"""

import argparse
import base64
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials

KEY, SECRET = "daypart", "daypart"
BATCH = 500
BODIES = 16


def event(number):
    """A viewing event of about 300 bytes, as `daypart generate --jsonl` makes them."""
    return json.dumps({
        "event_id": f"{number:032x}", "session_id": f"s{number % 99991:012d}", "viewer_id": number % 200_003,
        "channel_id": number % 97, "content_id": number % 5003, "content_type": "series", "region": "EU-West",
        "device_type": "smart_tv", "event_type": "heartbeat", "event_time": "2026-11-24T20:15:30.123456Z",
        "watch_seconds": number % 600, "bitrate_kbps": 4500, "buffering_ms": number % 40}).encode()


def requests_of(url, sender):
    chance = random.Random(sender)
    for turn in range(BODIES):
        records = [{"Data": base64.b64encode(event(chance.getrandbits(40))).decode(),
                    "PartitionKey": str(chance.getrandbits(32))} for _ in range(BATCH)]
        body = json.dumps({"StreamName": "bench", "Records": records}).encode()
        request = botocore.awsrequest.AWSRequest("POST", url + "/", data=body, headers={
            "Host": url.removeprefix("http://"), "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "Kinesis_20131202.PutRecords"})
        credentials = botocore.credentials.Credentials(KEY, SECRET)
        botocore.auth.SigV4Auth(credentials, "kinesis", "us-east-1").add_auth(request)
        yield body, dict(request.headers.items())


def send(url, sender, ready, start, seconds, results):
    requests = list(requests_of(url, sender))
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    ready.release()
    start.wait()
    acknowledged, waits, turn = 0, [], 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        body, headers = requests[turn % BODIES]
        turn += 1
        before = time.perf_counter()
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse().read()
        waits.append(time.perf_counter() - before)
        assert answer.startswith(b'{"FailedRecordCount":'), answer[:200]
        acknowledged += BATCH - int(answer[21:answer.index(b",")])
    results.put((acknowledged, waits))


def count(kinesis, shards):
    total = 0
    for shard in range(shards):
        iterator = kinesis.get_shard_iterator(StreamName="bench", ShardId=f"shardId-{shard:012d}",
                                              ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while True:
            answer = kinesis.get_records(ShardIterator=iterator)
            total += len(answer["Records"])
            iterator = answer["NextShardIterator"]
            if answer["MillisBehindLatest"] == 0:
                break
    return total


def main():
    root = pathlib.Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--server", default=str(root / "build" / "daypart"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        subprocess.run([options.server, "init", folder], check=True, capture_output=True)
        environment = dict(os.environ, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
        server = subprocess.Popen([options.server, "serve", "--port", "0"], cwd=folder, env=environment,
                                  stdout=subprocess.PIPE, text=True)
        try:
            url = server.stdout.readline().split()[-1]
            kinesis = boto3.client("kinesis", endpoint_url=url, region_name="us-east-1", aws_access_key_id=KEY,
                                   aws_secret_access_key=SECRET)
            kinesis.create_stream(StreamName="bench", ShardCount=options.shards)
            ready, start, results = multiprocessing.Semaphore(0), multiprocessing.Event(), multiprocessing.Queue()
            senders = [multiprocessing.Process(target=send,
                                               args=(url, i, ready, start, options.seconds, results))
                       for i in range(options.senders)]
            for sender in senders:
                sender.start()
            for _ in senders:
                ready.acquire()
            begun = time.perf_counter()
            start.set()
            got = [results.get() for _ in senders]
            seconds = time.perf_counter() - begun
            with open(f"/proc/{server.pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            server_seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            for sender in senders:
                sender.join()
            acknowledged = sum(part[0] for part in got)
            waits = sorted(wait for part in got for wait in part[1])
            found = count(kinesis, options.shards)
            print(json.dumps({
                "events_per_s": round(acknowledged / seconds), "acknowledged": acknowledged, "found": found,
                "request_ms_p50": round(waits[len(waits) // 2] * 1000, 2),
                "request_ms_p99": round(waits[len(waits) * 99 // 100] * 1000, 2),
                "server_cpu_seconds": server_seconds, "seconds": round(seconds, 2),
                "events_per_server_cpu_s": round(acknowledged / server_seconds), "load": os.getloadavg()[0]}))
            assert found == acknowledged, "what was acknowledged is not what is there"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


if __name__ == "__main__":
    main()
