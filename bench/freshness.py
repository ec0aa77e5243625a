#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long after its acknowledgement an event is in the answer of a SQL query, while events come in at a rate.

    bench/freshness.py [--rate 50000] [--seconds 30] [--commit-seconds 5] [--server build/daypart]

A sender makes PutRecords calls of 500 events at the rate (bodies are made beforehand, so that Python does not slow
them). A client asks `SELECT max(n) …` over HTTP without a pause; each call's events have one n. A call's events are
visible when the first answer that has its n or a greater one is in the client's hands: the time from the call's
answer to that moment is the freshness, with the query's own time in it. Commits come every few seconds, so that
their moment is in it too. Afterwards the table is counted: each event that was acknowledged is there once.
"""

import argparse
import base64
import http.client
import json
import multiprocessing
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials

KEY, SECRET = "daypart", "daypart"
BATCH = 500
TABLE = "media.viewership_stream"
QUERIES = {
    "newest": f"SELECT max(n) AS n FROM {TABLE} WHERE n >= {{known}}",
    "whole": f"SELECT max(n) AS n, count(*) AS rows FROM {TABLE}",
}


def event(number, call):
    return json.dumps({
        "event_id": f"{number:032x}", "session_id": f"s{number % 99991:012d}", "viewer_id": number % 200_003,
        "channel_id": number % 97, "content_id": number % 5003, "content_type": "series", "region": "EU-West",
        "device_type": "smart_tv", "event_type": "heartbeat",
        "event_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(call // 100 + 1_764_000_000)),
        "n": call, "watch_seconds": number % 600, "bitrate_kbps": 4500, "buffering_ms": number % 40}).encode()


def requests_of(url, calls):
    credentials = botocore.credentials.Credentials(KEY, SECRET)
    for call in range(calls):
        records = [{"Data": base64.b64encode(event(call * BATCH + i, call)).decode(),
                    "PartitionKey": str((call * BATCH + i) * 7919 % 1_000_003)} for i in range(BATCH)]
        body = json.dumps({"StreamName": "events", "Records": records}).encode()
        request = botocore.awsrequest.AWSRequest("POST", url + "/", data=body, headers={
            "Host": url.removeprefix("http://"), "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "Kinesis_20131202.PutRecords"})
        botocore.auth.SigV4Auth(credentials, "kinesis", "us-east-1").add_auth(request)
        yield body, dict(request.headers.items())


def send(url, rate, calls, ready, start, results):
    """Calls at the rate; results: when each was acknowledged."""
    requests = list(requests_of(url, calls))
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    ready.set()
    start.wait()
    begun, acknowledged = time.monotonic(), []
    for call, (body, headers) in enumerate(requests):
        wait = begun + call * BATCH / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse().read()
        acknowledged.append(time.monotonic())
        assert answer.startswith(b'{"FailedRecordCount":0'), answer[:200]
    results.put(acknowledged)


def ask(connection, sql):
    connection.request("POST", "/query", sql)
    response = connection.getresponse()
    body = response.read()
    return json.loads(body) if response.status == 200 else None


def watch(url, sql, stop, results):
    """Asks without a pause; results: (when an answer was there, the greatest n in it), how long queries took."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    seen, took, known = [], [], -1
    while not stop.is_set():
        before = time.monotonic()
        rows = ask(connection, sql.format(known=known))
        now = time.monotonic()
        if rows is None:  # no table yet
            time.sleep(0.005)
            continue
        took.append(now - before)
        greatest = rows[0]["n"]
        if greatest is not None and greatest > known:
            known = greatest
            seen.append((now, known))
    results.put((seen, took))


def percentiles(values):
    values = sorted(values)
    return {name: round(values[min(int(len(values) * share), len(values) - 1)] * 1000, 1)
            for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1))}


def freshness(acknowledged, seen):
    waits, turn = [], 0
    for call, at in enumerate(acknowledged):
        while turn < len(seen) and seen[turn][1] < call:
            turn += 1
        if turn == len(seen):
            break
        waits.append(max(seen[turn][0] - at, 0.0))
    return waits


def measure(url, options, name):
    calls = int(options.rate * options.seconds / BATCH)
    ready, start, stop = (multiprocessing.Event() for _ in range(3))
    sent, watched = multiprocessing.Queue(), multiprocessing.Queue()
    sender = multiprocessing.Process(target=send, args=(url, options.rate, calls, ready, start, sent))
    sender.start()
    ready.wait()
    watcher = multiprocessing.Process(target=watch, args=(url, QUERIES[name], stop, watched))
    watcher.start()
    start.set()
    acknowledged = sent.get()
    time.sleep(1)
    stop.set()
    seen, took = watched.get()
    sender.join()
    watcher.join()
    # The first second makes the table.
    waits = freshness(acknowledged, seen)[int(options.rate / BATCH):]
    seconds = acknowledged[-1] - acknowledged[0]
    return len(acknowledged) * BATCH, {
        "query": name, "events_per_s": round(len(acknowledged) * BATCH / seconds), "visible_ms": percentiles(waits),
        "query_ms": percentiles(took), "queries": len(took), "calls_seen": len(waits)}


def run(options, name, folder):
    subprocess.run([options.server, "init", folder], check=True, capture_output=True)
    with open(pathlib.Path(folder) / "daypart.toml", "a") as config:
        config.write(f"\n[stream.events]\ncommit_seconds = {options.commit_seconds}\n")
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
    server = subprocess.Popen([options.server, "serve", "--port", "0"], cwd=folder, env=environment,
                              stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().split()[-1]
        boto3.client("kinesis", endpoint_url=url, region_name="us-east-1", aws_access_key_id=KEY,
                     aws_secret_access_key=SECRET).create_stream(StreamName="events", ShardCount=options.shards)
        events, figures = measure(url, options, name)
        with open(f"/proc/{server.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        figures["server_cpu_share"] = round((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                                            / options.seconds, 2)
        count = urllib.request.Request(url + "/query", f"SELECT count(*) AS n FROM {TABLE}".encode())
        found = json.loads(urllib.request.urlopen(count, timeout=60).read())[0]["n"]
        metrics = urllib.request.urlopen(url + "/metrics", timeout=60).read().decode()
        figures["commits"] = next((int(float(line.split()[-1])) for line in metrics.splitlines()
                                   if line.startswith("daypart_stream_sink_commits_total")), None)
        figures["load"] = round(os.getloadavg()[0], 1)
        print(json.dumps(figures), flush=True)
        assert found == events, f"{events} events were acknowledged, {found} are there"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def main():
    root = pathlib.Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--commit-seconds", type=int, default=5)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--query", choices=[*QUERIES, "all"], default="all")
    parser.add_argument("--server", default=str(root / "build" / "daypart"))
    options = parser.parse_args()
    for name in QUERIES if options.query == "all" else [options.query]:
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
            run(options, name, folder)


if __name__ == "__main__":
    main()
