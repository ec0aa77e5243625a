# SPDX-License-Identifier: Apache-2.0
"""`daypart stream` from Kinesis by enhanced fan-out, against ministack's SubscribeToShard and our own: subscriptions
that are cut, resharding, kills, HTTP/2 over TLS, permissions. What arrived is read by PyIceberg."""

import asyncio
import collections
import json
import random
import signal
import socket
import ssl
import statistics
import subprocess
import threading
import time

import pytest

import cloud
from serving import Served, wait_until
from test_iam import as_list, is_allowed
from test_kinesis_source import (OwnEndpoint, configure, make_stream, put, run_until_stopped, seen, table_ids, take_in,
                                 take_in_through_kills)

FAN_OUT = 'fan_out = "daypart"\n'


@pytest.fixture(params=["own", "ministack"])
def server(request, tmp_path):
    started = OwnEndpoint(tmp_path / "other") if request.param == "own" else cloud.start_ministack(tmp_path)
    started.kind = request.param
    yield started
    started.stop()


@pytest.fixture
def own(tmp_path):
    started = OwnEndpoint(tmp_path / "other")
    yield started
    started.stop()


class CuttingProxy:
    """Passes bytes on and writes down which actions were called; cuts each subscription after some bytes of its
    answer, which is mostly in the middle of an event."""

    def __init__(self, url, seed=None):
        host, _, port = url.removeprefix("http://").partition(":")
        self.target = (host, int(port))
        self.chance = None if seed is None else random.Random(seed)
        self.actions = collections.Counter()
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(self.target)
        left = [None]  # bytes of the answer that still pass

        def pump(source, sink, look):
            try:
                while data := source.recv(65536):
                    data = look(data)
                    sink.sendall(data)
                    if left[0] is not None and left[0] <= 0:
                        self.cuts += 1
                        break
            except OSError:
                pass
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

        def asked(data):
            for line in data.split(b"\r\n"):
                if line.lower().startswith(b"x-amz-target:"):
                    action = line.decode().rsplit(".", 1)[1]
                    self.actions[action] += 1
                    is_cut = action == "SubscribeToShard" and self.chance
                    # Some let a backlog through: it comes in events of up to some hundred kilobytes.
                    left[0] = self.chance.randrange(self.chance.choice([20_000, 2_000_000])) if is_cut else None
            return data

        def answered(data):
            if left[0] is None:
                return data
            data = data[:max(left[0], 0)]
            left[0] -= len(data)
            return data

        threading.Thread(target=pump, args=(client, server, asked), daemon=True).start()
        pump(server, client, answered)

    def stop(self):
        self.listener.close()


def consumers_of(kinesis):
    arn = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["StreamARN"]
    return [consumer["ConsumerName"] for consumer in kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]]


def test_each_event_once_through_cuts_resharding_and_kills(lake, server):
    """ministack is not resharded: it drops a shard that is split, with what nobody has read of it."""
    seed = 5
    kinesis = make_stream(server, 2)
    proxy = CuttingProxy(server.url, seed)
    configure(lake, proxy.url, FAN_OUT + "dedupe_rows = 0")
    kills = take_in_through_kills(lake, kinesis, count=3000, seed=seed, kills_min=6, life_seconds=(0.2, 2.5),
                                  reshards=server.kind == "own")
    print(proxy.actions, proxy.cuts, "cuts", kills, "kills")
    assert proxy.actions["SubscribeToShard"] > 10 and proxy.cuts > 3
    assert proxy.actions["RegisterStreamConsumer"] == 1 and consumers_of(kinesis) == ["daypart"]
    proxy.stop()


def test_a_running_reader_follows_the_stream_and_stops_cleanly(lake, own):
    kinesis = make_stream(own, 1)
    proxy = CuttingProxy(own.url)
    configure(lake, proxy.url, FAN_OUT + "dedupe_rows = 0")
    run_until_stopped(lake, kinesis)
    # Both sinks stand where the subscriptions are: nothing was polled in the long run.
    print(proxy.actions)
    assert proxy.actions["GetRecords"] < 20
    proxy.stop()


class TlsProxy:
    """A port with TLS that offers HTTP/2, as AWS's endpoints do, before a server without; `protocols` are those that
    connections chose."""

    def __init__(self, url, folder):
        self.port = int(url.rpartition(":")[2])
        key, self.certificate = folder / "key.pem", folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out",
                        str(self.certificate)], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.context.set_alpn_protocols(["h2", "http/1.1"])
        self.protocols = collections.Counter()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        made = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.context), self.loop).result(20)
        self.url = f"https://localhost:{made.sockets[0].getsockname()[1]}"

    async def serve(self, client, back):
        self.protocols[back.get_extra_info("ssl_object").selected_alpn_protocol()] += 1
        server, there = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(self.pump(client, there), self.pump(server, back), return_exceptions=True)

    @staticmethod
    async def pump(source, sink):
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)


def test_over_http2_and_tls(lake, server, tmp_path):
    proxy = TlsProxy(server.url, tmp_path)
    kinesis = make_stream(server, 1)
    configure(lake, proxy.url, FAN_OUT + "dedupe_rows = 0")
    put(kinesis, range(400))
    trusted = cloud.environment(AWS_CA_BUNDLE=str(proxy.certificate))
    with subprocess.Popen([lake.binary, "stream", "clicks"], cwd=lake.folder, env=trusted,
                          stdout=subprocess.DEVNULL) as consumer:
        time.sleep(2)
        put(kinesis, range(400, 500))
        time.sleep(1)
        consumer.send_signal(signal.SIGINT)
        assert consumer.wait(timeout=20) == 0
    assert sorted(table_ids(lake)) == sorted(f"e{n}" for n in range(500))
    print(proxy.protocols)
    assert proxy.protocols["h2"] >= 1
    proxy.stop()


def delay_of(lake, kinesis, more, first):
    """Median of the milliseconds from an acknowledged put to a query that sees the event."""
    with Served(lake, environment=cloud.environment()) as server:
        put(kinesis, range(first, first + 5))
        assert wait_until(lambda: seen(server) >= 5)
        delays = []
        chance = random.Random(3)
        count = seen(server)
        for number in range(first + 5, first + 5 + more):
            time.sleep(chance.uniform(0.1, 0.4))
            put(kinesis, [number])
            begun = time.monotonic()
            count += 1
            while seen(server) < count:
                time.sleep(0.001)
            delays.append((time.monotonic() - begun) * 1000)
        server.stop()
    return statistics.median(delays)


def test_events_are_seen_sooner_than_by_polling(lake, own):
    kinesis = make_stream(own, 2)
    configure(lake, own.url)
    polled = delay_of(lake, kinesis, 40, 0)
    config = lake.folder / "daypart.toml"
    config.write_text(config.read_text() + FAN_OUT)
    pushed = delay_of(lake, kinesis, 40, 1000)
    print(f"put to seen by a query, median: polling {polled:.0f} ms, fan-out {pushed:.0f} ms")
    assert pushed < polled / 2


def test_permissions_are_the_calls_really_made(lake, own):
    kinesis = make_stream(own, 1)
    proxy = CuttingProxy(own.url)
    configure(lake, proxy.url)
    policies = [json.loads(lake.run("deploy", "iam", "--account", "123456789012").stdout)]
    config = lake.folder / "daypart.toml"
    config.write_text(config.read_text() + FAN_OUT)
    policies.append(json.loads(lake.run("deploy", "iam", "--account", "123456789012").stdout))
    without, policy = (made["ingest"] for made in policies)
    granted = [{action for s in made["Statement"] for action in as_list(s["Action"])} for made in (without, policy)]
    added = {"kinesis:RegisterStreamConsumer", "kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"}
    assert granted[1] - granted[0] == added and not granted[0] & added
    assert policies[0].get("query") == policies[1].get("query")
    put(kinesis, range(10))
    assert take_in(lake)["rows"] == 10
    assert added <= {"kinesis:" + action for action in proxy.actions} <= granted[1]
    stream = f"arn:aws:kinesis:{cloud.REGION}:123456789012:stream/clicks"
    for action in added:
        assert is_allowed(policy, action, [stream + "/consumer/daypart:1764000000"], {})
        assert not is_allowed(policy, action, [stream + "/consumer/other:1764000000"], {})
        assert not is_allowed(policy, action, [stream.replace("clicks", "more") + "/consumer/daypart:1"], {})
    proxy.stop()


def checks_of(lake, sts):
    done = lake.run("--json", "doctor", env=cloud.environment(AWS_ENDPOINT_URL_STS=sts.url))
    return {check["check"]: check for check in json.loads(done.stdout)["checks"]
            if check["service"] == "kinesis clicks"}


def test_doctor_knows_the_consumer(lake, own, tmp_path):
    kinesis = make_stream(own, 1)
    configure(lake, own.url, FAN_OUT)
    sts = cloud.start_moto(tmp_path)
    try:
        before = checks_of(lake, sts)
        assert "no consumer daypart yet" in before["kinesis:DescribeStreamConsumer"]["found"]
        assert before["kinesis:SubscribeToShard"]["outcome"] == "skipped"
        assert consumers_of(kinesis) == []
        take_in(lake)
        after = checks_of(lake, sts)
        for action in ("DescribeStreamConsumer", "RegisterStreamConsumer", "SubscribeToShard"):
            assert after["kinesis:" + action]["outcome"] == "ok", after
        assert consumers_of(kinesis) == ["daypart"]
    finally:
        sts.stop()


def test_what_cannot_be_fanned_out_is_refused(lake):
    config = lake.folder / "daypart.toml"
    text = config.read_text()
    config.write_text(text + '\n[stream.clicks]\nsource = "incoming"\nfan_out = "daypart"\n')
    done = lake.run("stream", "clicks", "--until-idle")
    assert done.returncode == 1 and "a source of kinesis:STREAM is expected" in done.stderr
    config.write_text(text + '\n[stream.clicks]\nsource = "kinesis:clicks"\nfan_out = "a b"\n')
    done = lake.run("stream", "clicks", "--until-idle")
    assert done.returncode == 1 and "a consumer's name" in done.stderr
