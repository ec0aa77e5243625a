# SPDX-License-Identifier: Apache-2.0
"""`daypart serve` as its users see it: queries over HTTP, tables that look after themselves, a clean stop."""

import csv
import io
import json
import signal
import socket
import subprocess

import pyarrow.ipc
import pytest

from serving import Served, wait_until

POLICY = ("--set", "daypart.maintain.enabled=true", "--set", "daypart.maintain.interval-ms=200",
          "--set", "daypart.maintain.compact.small-files-min=5")


def rows_text(first, count):
    return "id,name\n" + "".join(f"{i},n{i}\n" for i in range(first, first + count))


def ids(lake, table="media.t"):
    return sorted(lake.catalog().load_table(table).scan().to_arrow()["id"].to_pylist())


def test_queries_are_answered_in_each_format(lake):
    assert lake.load("media.t", rows_text(0, 1000)).returncode == 0
    with Served(lake) as server:
        assert server.query("SELECT count(*) AS n, sum(id) AS s FROM media.t") == [{"n": 1000, "s": 499500}]
        sql = "SELECT id, name FROM t ORDER BY id"
        status, headers, body = server.ask("/query?format=csv", sql)
        assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert list(csv.reader(io.StringIO(body.decode())))[1:] == [[str(i), f"n{i}"] for i in range(1000)]
        body = server.ask("/query", sql, Accept="application/vnd.apache.arrow.stream")[2]
        assert pyarrow.ipc.open_stream(body).read_all()["id"].to_pylist() == list(range(1000))
        body = server.ask("/query", json.dumps({"sql": "SELECT 1 AS a", "format": "csv"}),
                          Content_Type="application/json")[2]
        assert body == b"a\n1\n"
        # More than the server holds back: it comes in chunks and is whole.
        body = server.ask("/query?format=csv", "SELECT i, repeat('x', 100) FROM range(100000) t(i)")[2]
        assert len(body.splitlines()) == 100_001
        health = json.loads(server.ask("/health")[2])
        assert health["status"] == "ok"
        assert server.metric('daypart_http_requests_total{path="/query",status="200"}') == 5
        assert server.metric("daypart_query_rows_total") == 1 + 1000 + 1000 + 1 + 100_000
        # What another process commits is seen by the next query.
        assert lake.load("media.t", rows_text(1000, 5)).returncode == 0
        assert server.query("SELECT count(*) AS n FROM media.t") == [{"n": 1005}]
        assert server.stop() == 0


@pytest.mark.parametrize("body, words", [
    ("SELEC 1", "syntax error"),
    ("", "SELECT is expected"),
    ("SELECT * FROM media.none", "media.none"),
    ("DELETE FROM media.t", ""),
    ("CREATE TABLE x AS SELECT 1", ""),
    ("COPY (SELECT 1) TO 'there.csv'", ""),
    ("SELECT * FROM read_csv('/etc/passwd')", ""),
    ("SET memory_limit = '1GB'", ""),
    ("SELECT CAST('x' AS INTEGER)", "x"),
])
def test_what_is_no_select_is_refused(lake, body, words):
    assert lake.load("media.t", rows_text(0, 3)).returncode == 0
    with Served(lake) as server:
        status, headers, answer = server.ask("/query", body.encode())
        assert 400 <= status < 500, answer
        assert headers["Content-Type"] == "application/json"
        assert words in json.loads(answer)["error"]["message"]
        assert server.query("SELECT count(*) AS n FROM media.t") == [{"n": 3}]


def test_requests_that_make_no_sense_are_told_what_does(lake):
    with Served(lake) as server:
        assert server.ask("/none")[0] == 404
        status, headers, _ = server.ask("/query", method="GET")
        assert (status, headers["Allow"]) == (405, "POST")
        assert server.ask("/query?format=xml", "SELECT 1")[0] == 400
        assert server.ask("/query", "[1]", Content_Type="application/json")[0] == 400
        assert server.ask("/query", b"\xff\xfe")[0] == 400
        assert server.ask("/query", b"x" * (17 << 20))[0] == 413
        # A page of elsewhere whose name was pointed to this machine.
        status, _, body = server.ask("/query", "SELECT 1", Host="evil.example")
        assert status == 403 and b"evil.example" in body
        assert server.ask("/health", Host="localhost:1")[0] == 200


def test_a_taken_port_and_a_wrong_address_are_told(lake):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = lake.run("serve", "--listen", f"127.0.0.1:{port}")
        assert result.returncode == 1
        assert f"127.0.0.1:{port} is taken" in result.stderr and "--port 0" in result.stderr
    for listen in ("0.0.0.0:0", "10.1.2.3:80", "nonsense", "127.0.0.1:x"):
        result = lake.run("serve", "--listen", listen)
        assert result.returncode == 1 and "expected" in result.stderr, listen


def test_a_table_with_a_policy_is_compacted_by_itself_beside_a_writer(lake):
    assert lake.load("media.t", rows_text(0, 10), *POLICY).returncode == 0
    assert lake.load("media.plain", rows_text(0, 10)).returncode == 0
    appends = 16
    with Served(lake) as server:
        for turn in range(1, appends):
            assert lake.load("media.t", rows_text(turn * 10, 10)).returncode == 0
            assert lake.load("media.plain", rows_text(turn * 10, 10)).returncode == 0
        done = 'daypart_maintenance_actions_total{table="media.t",action="compact",outcome="done"}'
        assert wait_until(lambda: server.metric(done) >= 1), server.told()
        assert wait_until(lambda: len(list(lake.catalog().load_table("media.t").scan().plan_files())) < 5)
        assert ids(lake) == list(range(appends * 10))
        assert server.query("SELECT count(*) AS n FROM media.t") == [{"n": appends * 10}]
        # The one that did not ask for it is as its writer left it.
        plain = lake.catalog().load_table("media.plain")
        assert len(list(plain.scan().plan_files())) == appends
        operations = [s.summary.operation.value for s in lake.catalog().load_table("media.t").snapshots()]
        assert operations.count("append") == appends and "replace" in operations
        assert "media.t: compact: a partition has" in server.told()
        assert server.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_amid_a_compaction_leaves_nothing_half_done(lake, how):
    rows = 60_000
    for turn in range(6):
        text = "id,name\n" + "".join(f"{i},{'x' * 50}{i}\n" for i in range(turn * rows, (turn + 1) * rows))
        assert lake.load("media.t", text, *(POLICY if turn == 0 else ())).returncode == 0
    before = ids(lake)
    with Served(lake) as server:
        assert server.stop(how) == 0
        assert "error" not in server.told()
    assert ids(lake) == before
    orphans = json.loads(lake.must("--json", "maintain", "media.t", "orphans", "--older-than-hours", "0",
                                   "--dry-run"))
    assert orphans[0]["files"] == []
    # What was left undone is done by the next one.
    with Served(lake) as server:
        assert wait_until(lambda: len(list(lake.catalog().load_table("media.t").scan().plan_files())) == 1)
        assert server.stop() == 0
    assert ids(lake) == before


def test_a_stop_ends_a_long_query(lake):
    assert lake.load("media.t", rows_text(0, 3000)).returncode == 0
    with Served(lake) as server:
        client = subprocess.Popen(
            ["curl", "-s", "-d", "SELECT count(*) FROM media.t a, media.t b, media.t c WHERE "
             "a.id + b.id + c.id = -1", server.url + "/query"], stdout=subprocess.DEVNULL)
        assert wait_until(lambda: server.metric("daypart_queries_running") == 1)
        assert server.stop() == 0
        client.wait(timeout=10)


def test_a_query_ends_when_its_client_goes(lake):
    assert lake.load("media.t", rows_text(0, 3000)).returncode == 0
    with Served(lake) as server:
        client = subprocess.Popen(
            ["curl", "-s", "-d", "SELECT count(*) FROM media.t a, media.t b, media.t c WHERE "
             "a.id + b.id + c.id = -1", server.url + "/query"], stdout=subprocess.DEVNULL)
        assert wait_until(lambda: server.metric("daypart_queries_running") == 1)
        client.kill()
        client.wait()
        assert wait_until(lambda: server.metric("daypart_queries_running") == 0, 10)
        assert server.metric('daypart_queries_total{outcome="failed"}') == 1
        assert server.stop() == 0


def test_http2_clients_are_answered_several_requests_at_a_time(lake):
    assert lake.load("media.t", rows_text(0, 1000)).returncode == 0
    with Served(lake) as server:
        body = lake.folder / "query.sql"
        body.write_text("SELECT i, repeat('x', 100) FROM range(50000) t(i)")
        curl = ["curl", "-sS", "--http2-prior-knowledge", "--parallel", "--parallel-immediate"]
        for turn in range(4):
            curl += ["--data-binary", f"@{body}", "-w", "%{http_version} %{http_code}\\n", "-o", f"part{turn}.csv",
                     server.url + "/query?format=csv"] + (["--next", "-sS", "--http2-prior-knowledge"] if turn < 3 else [])
        done = subprocess.run(curl, cwd=lake.folder, capture_output=True, text=True, timeout=60)
        assert done.stdout.split("\n")[:4] == ["2 200"] * 4, done
        for turn in range(4):
            assert len((lake.folder / f"part{turn}.csv").read_text().splitlines()) == 50_001
        big = lake.folder / "big"
        big.write_bytes(b"x" * (17 << 20))
        refused = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--data-binary", f"@{big}", "-w", "%{http_code}",
                                  "-o", "refused", server.url + "/query"], cwd=lake.folder, capture_output=True, text=True)
        assert refused.stdout == "413", refused
        assert server.stop() == 0
