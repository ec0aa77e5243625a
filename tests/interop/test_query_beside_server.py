# SPDX-License-Identifier: Apache-2.0
"""`daypart query` beside a server that does not do what it should: one that takes the connection and says nothing,
that stops in the middle of its answer, that answers errors, that only takes long."""

import contextlib
import fcntl
import io
import json
import os
import signal
import socket
import subprocess
import threading
import time

import boto3
import pyarrow
import pytest

from serving import Served, wait_until

TABLE = "media.events"


@pytest.fixture
def events(lake):
    with open(lake.folder / "daypart.toml", "a") as config:
        config.write(f'\n[stream.clicks]\ntable = "{TABLE}"\n')
    assert lake.load(TABLE, "n\n1\n2\n3\n").returncode == 0
    return lake


def arrow_answer(rows):
    sink = io.BytesIO()
    table = pyarrow.table({"n": pyarrow.array([rows], pyarrow.int64())})
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def whole(status, body, kind="application/json"):
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


LIVES = whole("200 OK", b'{"status":"ok"}')


class FakeServer:
    """Stands in server.json with its lock. Each connection is one request, given to answer(path, socket)."""

    def __init__(self, lake, answer):
        self.answer = answer
        self.paths, self.kept = [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.notice = open(lake.folder / "lake" / "server.json", "w")
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.notice.write(json.dumps({"url": url, "pid": os.getpid()}))
        self.notice.flush()
        fcntl.flock(self.notice, fcntl.LOCK_EX)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        self.kept.append(connection)
        with contextlib.suppress(OSError):
            while True:
                head = b""
                while b"\r\n\r\n" not in head:
                    part = connection.recv(65536)
                    if not part:
                        return
                    head += part
                path = head.split()[1].decode()
                self.paths.append(path)
                self.answer(path, connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.kept:
            connection.close()
        self.notice.close()


def count(lake):
    begin = time.monotonic()
    done = lake.run("--json", "query", f"SELECT count(*) AS n FROM {TABLE}")
    return done, time.monotonic() - begin


def expect_run_here(done, told):
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"n": 3}]
    assert told in done.stderr and "this query is run without it" in done.stderr, done.stderr


def test_a_server_that_takes_the_connection_and_says_nothing(events):
    with FakeServer(events, lambda path, connection: None) as server:
        done, seconds = count(events)
        expect_run_here(done, "did not answer")
        assert seconds < 10 and server.paths == ["/live"]


def test_a_server_that_hangs_while_it_answers(events):
    answer = whole("200 OK", arrow_answer(7), "application/vnd.apache.arrow.stream")
    hangs = threading.Event()

    def half(path, connection):
        if path == "/live" and not hangs.is_set():
            connection.sendall(LIVES)
        if path.startswith("/query"):
            hangs.set()
            connection.sendall(answer[:-40])

    with FakeServer(events, half):
        done, seconds = count(events)
        expect_run_here(done, "does not say that it lives")
        assert 5 < seconds < 40, seconds


def test_an_answer_that_takes_long_is_waited_for_while_the_server_lives(events):
    answer = whole("200 OK", arrow_answer(7), "application/vnd.apache.arrow.stream")

    def slow(path, connection):
        if path == "/live":
            connection.sendall(LIVES)
            return
        connection.sendall(answer[:-40])
        time.sleep(22)
        connection.sendall(answer[-40:])

    with FakeServer(events, slow) as server:
        done, seconds = count(events)
        assert done.returncode == 0 and json.loads(done.stdout) == [{"n": 7}] and not done.stderr, done.stderr
        assert seconds > 20 and server.paths.count("/live") >= 3, server.paths


def test_an_answer_that_trickles_is_waited_for_whatever_else_the_server_leaves_unanswered(events):
    answer = whole("200 OK", arrow_answer(7), "application/vnd.apache.arrow.stream")
    begun = threading.Event()

    def trickle(path, connection):
        if path == "/live":
            if not begun.is_set():
                connection.sendall(LIVES)
            return
        begun.set()
        step = len(answer) // 12 + 1
        for at in range(0, len(answer), step):
            connection.sendall(answer[at:at + step])
            time.sleep(1.5)

    with FakeServer(events, trickle):
        done, seconds = count(events)
        assert done.returncode == 0 and json.loads(done.stdout) == [{"n": 7}] and not done.stderr, done.stderr
        assert seconds > 15


@pytest.mark.parametrize("broken", ["/live", "/query"])
@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable", "404 Not Found"])
def test_a_server_that_answers_errors(events, broken, status):
    def fail(path, connection):
        connection.sendall(whole(status, b"<html>no</html>") if path.startswith(broken) else LIVES)

    with FakeServer(events, fail):
        done, seconds = count(events)
        expect_run_here(done, "status " + status[:3])
        assert seconds < 10


def test_what_a_server_says_of_the_statement_is_the_answer(events):
    def refuse(path, connection):
        error = {"error": {"code": "invalid argument", "message": "no column of that name"}}
        connection.sendall(LIVES if path == "/live" else whole("400 Bad Request", json.dumps(error).encode()))

    with FakeServer(events, refuse):
        done, _ = count(events)
        assert done.returncode == 1 and "no column of that name" in done.stderr, done.stderr


def test_a_server_whose_turns_are_all_taken_is_done_without(events):
    def busy(path, connection):
        error = {"error": {"code": "unavailable", "message": "4 queries run already; try again later"}}
        connection.sendall(LIVES if path == "/live" else whole("503 Service Unavailable", json.dumps(error).encode()))

    with FakeServer(events, busy):
        expect_run_here(count(events)[0], "4 queries run already")


def test_a_server_that_dies_while_it_answers(events):
    def die(path, connection):
        if path == "/live":
            connection.sendall(LIVES)
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_RDWR)

    with FakeServer(events, die):
        done, seconds = count(events)
        expect_run_here(done, "did not answer")
        assert seconds < 10


def test_ctrl_c_ends_the_wait_for_a_server_that_hangs(events):
    def hang(path, connection):
        if path == "/live":
            connection.sendall(LIVES)

    with FakeServer(events, hang) as server:
        process = subprocess.Popen([events.binary, "query", f"SELECT count(*) FROM {TABLE}"], cwd=events.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert wait_until(lambda: any(path.startswith("/query") for path in server.paths))
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        assert process.returncode != 0 and not output and time.monotonic() - begin < 5


def test_a_real_server_that_is_stopped_in_the_middle_of_a_query(lake):
    with open(lake.folder / "daypart.toml", "a") as config:
        config.write(f'\n[stream.clicks]\ntable = "{TABLE}"\ncommit_seconds = 3600\nfiles = ""\n')
    with Served(lake) as server:
        boto3.client("kinesis", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="daypart",
                     aws_secret_access_key="daypart").create_stream(StreamName="clicks", ShardCount=2)
        (lake.folder / "events.jsonl").write_text("".join(f'{{"event_id":"e{n}","n":{n}}}\n' for n in range(500)))
        lake.must("send", "events.jsonl", "--stream", "clicks", "--endpoint", server.url)
        counted = f"SELECT count(*) AS n FROM {TABLE}"
        assert wait_until(lambda: lake.catalog().table_exists(TABLE) and server.query(counted) == [{"n": 500}])
        # A tenth of a second of work, or some seconds of a busy machine.
        long = f"SELECT count(*) AS n FROM {TABLE} a, {TABLE} b, {TABLE} c WHERE a.n + b.n * c.n = 17"
        expected = sum(0 <= 17 - b * c for b in range(500) for c in range(500))
        process = subprocess.Popen([lake.binary, "--json", "query", long], cwd=lake.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        assert wait_until(lambda: server.metric("daypart_queries_running") == 1)
        server.process.send_signal(signal.SIGSTOP)
        try:
            output, told = process.communicate(timeout=90)
            # None of the rows is committed: they come from the log of the server that is stopped.
            assert json.loads(output) == [{"n": expected}] and "does not say that it lives" in told, told
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert json.loads(lake.must("--json", "query", counted)) == [{"n": 500}]
        assert server.stop() == 0
