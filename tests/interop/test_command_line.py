# SPDX-License-Identifier: Apache-2.0
"""What somebody new types: mistakes and what they are answered, streams by name, what can be pasted."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import urllib.request

import boto3
import pytest

from serving import Served, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


def kinesis_of(url):
    return boto3.client("kinesis", endpoint_url=url, region_name="us-east-1", aws_access_key_id="daypart",
                        aws_secret_access_key="daypart")


@pytest.mark.parametrize("arguments, words", [
    (["tabels"], ["unknown command tabels", "did you mean tables?"]),
    (["stream", "creat", "x"], ["unknown argument x"]),
    (["load", "media.x", "rows.csv", "--partiton", "day(t)"], ["unknown option --partiton", "did you mean --partition?"]),
    (["send", "rows.jsonl", "--strem", "clicks"], ["unknown option --strem", "did you mean --stream?"]),
    (["load", "media.x", "rows.csv", "--mode", "appned"], ["--mode", "found 'appned'", "did you mean append?"]),
    (["maintain", "compcat"], ["expected, found 'compcat'", "did you mean compact?"]),
    (["send", "--stream", "s", "--rate", "0"], ["--rate: a whole number of 1 or more is expected, found '0'"]),
    (["send", "--stream", "s", "--rate", "fast"], ["--rate: a whole number of 1 or more is expected, found 'fast'"]),
    (["send", "--stream", "s", "--late", "2000"], ["--late: a whole number from 0 to 1000 is expected, found '2000'"]),
    (["send", "--stream", "s", "--endpoint", "foo"], ["--endpoint: a URL such as", "found 'foo'"]),
    (["send", "rows.jsonl", "--stream", "s", "--live", "5"], ["FILE cannot be combined with --live"]),
    (["serve", "--port", "70000"], ["--port: a whole number from 0 to 65535"]),
    (["query"], ["a statement is expected", "--saved NAME"]),
    (["query", "SELECT 1", "--saved", "top_channels"], ["found 2"]),
    (["load", "media.x"], ["FILE is required", "daypart load --help"]),
    (["stream"], ["NAME is required", "daypart stream --help"]),
])
def test_a_wrong_line_is_told_with_what_was_meant(lake, arguments, words):
    result = lake.run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("daypart: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr
    # As a script has it: one object, nothing among the results.
    as_json = lake.run(*arguments, "--json")
    error = json.loads(as_json.stderr)["error"]
    assert as_json.returncode == 2 and as_json.stdout == ""
    assert error["code"] == "usage" and words[0] in error["message"]


def test_a_failure_is_json_for_those_who_ask_for_json(lake):
    lake.must("generate", "--out", "data", "--events", "100", "--viewers", "10", "--channels", "3")
    lake.must("load", "media.ad_revenue", "data/ad_revenue.csv")
    result = lake.run("--json", "describe", "media.ad_revenu")
    error = json.loads(result.stderr)["error"]
    assert result.returncode == 1 and result.stdout == ""
    assert error["code"] == "not found" and "did you mean ad_revenue?" in error["message"]
    assert lake.run("describe", "media.ad_revenu").stderr == f"daypart: {error['message']}\n"


def test_streams_are_made_listed_and_deleted_with_and_without_a_server(lake):
    made = json.loads(lake.must("--json", "stream", "create", "clicks", "--shards", "3"))
    assert (made["stream"], made["shards"], made["status"]) == ("clicks", 3, "ACTIVE")
    again = lake.run("stream", "create", "clicks")
    assert again.returncode == 1 and "exists already" in again.stderr
    with Served(lake) as server:
        kinesis = kinesis_of(server.url)
        # What the folder was given the server has, and the other way round.
        assert len(kinesis.list_shards(StreamName="clicks")["Shards"]) == 3
        lake.must("stream", "create", "spots", "--on-demand")
        summary = kinesis.describe_stream_summary(StreamName="spots")["StreamDescriptionSummary"]
        assert summary["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
        listed = json.loads(lake.must("--json", "stream", "list"))
        assert [(s["stream"], s["shards"]) for s in listed] == [("clicks", 3), ("spots", 4)]
        (lake.folder / "e.jsonl").write_text('{"event_id": "a"}\n')
        # The server's own address is found, whatever port it has.
        assert json.loads(lake.must("--json", "send", "e.jsonl", "--stream", "clicks"))["acknowledged"] == 1
        missing = lake.run("send", "e.jsonl", "--stream", "clikcs")
        assert missing.returncode == 1 and "daypart stream create clikcs makes it" in missing.stderr
        lake.must("stream", "delete", "spots")
        assert kinesis.list_streams()["StreamNames"] == ["clicks"]
        assert server.stop() == 0
    assert "3 open shards" in lake.must("stream", "describe", "clicks")
    lake.must("stream", "delete", "clicks", "--force")
    gone = lake.run("stream", "describe", "clicks")
    assert gone.returncode == 1 and "clicks" in gone.stderr
    assert "daypart stream create NAME" in lake.must("stream", "list")


def test_a_second_reader_of_a_stream_is_refused_with_the_first_ones_number(lake):
    (lake.folder / "in").mkdir()
    (lake.folder / "in" / "a.jsonl").write_text('{"event_id": "a", "event_time": "2026-11-01T00:00:00Z"}\n')
    with subprocess.Popen([lake.binary, "stream", "clicks", "--from", "in"], cwd=lake.folder,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        lock = lake.folder / "lake" / ".daypart"
        assert wait_until(lambda: any(lock.glob("stream-*.lock")) if lock.exists() else False, 10)
        second = lake.run("stream", "clicks", "--from", "in", "--until-idle")
        assert second.returncode == 1
        assert f"process {first.pid}" in second.stderr and "stop that one first" in second.stderr
        # Into another table is another matter.
        other = lake.run("stream", "clicks", "--from", "in", "--until-idle", "--table", "media.others")
        assert other.returncode == 1 and "lake_stream1-clicks.lock is held" in other.stderr  # the files' name is taken
        lake.must("stream", "others", "--from", "in", "--until-idle", "--table", "media.others")
        first.send_signal(signal.SIGINT)
        assert first.wait(timeout=20) == 0
    lake.must("stream", "clicks", "--from", "in", "--until-idle")
    assert lake.query("SELECT event_id FROM media.viewership_stream") == [{"event_id": "a"}]


def test_a_server_takes_json_whatever_type_it_is_sent_as(lake):
    with Served(lake) as server:
        # urllib says application/x-www-form-urlencoded, as curl -d does.
        request = urllib.request.Request(server.url + "/query", data=b'{"sql": "SELECT 42 AS n"}')
        with urllib.request.urlopen(request) as answer:
            assert json.loads(answer.read()) == [{"n": 42}]


def test_what_did_not_fit_can_be_looked_at_by_the_line_that_is_told(lake):
    lake.must("query", "--write", "CREATE TABLE media.t (a int, b string)")
    (lake.folder / "rows.csv").write_text("a,b\n" + "1,x\n" * 30 + "oops,y\n")
    result = lake.run("load", "media.t", "rows.csv")
    assert result.returncode == 3, result.stderr
    line = re.search(r"see: (daypart query .*)", result.stderr).group(1)
    words = shlex.split(line)
    assert words[0] == "daypart"
    rows = json.loads(lake.must("--json", *words[1:]))
    assert [row["line"] for row in rows] == [32] and "oops" in rows[0]["reason"]


def test_an_empty_lake_says_what_to_do_next(lake):
    result = lake.run("run")
    assert result.returncode == 1
    assert "daypart upload" in result.stderr and "daypart crawl raw/" in result.stderr


def test_a_dry_run_of_crawl_says_would(lake):
    lake.must("generate", "--out", "data", "--events", "100", "--viewers", "10", "--channels", "3")
    lake.must("upload", "-r", "data", "raw/")
    dry = lake.must("crawl", "raw/", "--dry-run")
    assert "would be created" in dry and "media_raw" not in lake.must("tables")
    real = lake.must("crawl", "raw/")
    assert "created" in real and "would" not in real


def test_maintenance_says_what_was_done(lake):
    for number in range(3):
        lake.load("media.t", f"a\n{number}\n")
    assert "would rewrite 3 files" in lake.must("maintain", "media.t", "compact", "--dry-run")
    assert "rewrote 3 files" in lake.must("maintain", "media.t", "compact")
    assert "no snapshot is old enough" in lake.must("maintain", "media.t", "expire")
    assert "1 row in" in lake.must("load", "media.u", "rows.csv") and "1 file of" in lake.must("load", "media.u", "rows.csv")


def test_the_readmes_commands_can_be_pasted():
    """Each line after "$ " of the README, to its closing quote, is words that a shell takes for one command."""
    text = (ROOT / "README.md").read_text()
    block = text[text.index("```text"):]
    block = block[:block.index("\n```")]
    commands = re.findall(r'^\$ (daypart (?:[^"\n]|"[^"]*")*)$', block, re.M)
    queries = [shlex.split(command) for command in commands if command.startswith("daypart query")]
    assert len(commands) == len(re.findall(r"^\$ ", block, re.M)) and len(queries) == 3
    for words in queries:
        assert len(words) == 3 and words[2].startswith("SELECT") and "LIMIT 5" in words[2]


def test_what_is_installed_runs_from_anywhere(tmp_path):
    build = pathlib.Path(os.environ["DAYPART"]).resolve().parent
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path / "usr"], check=True, stdout=subprocess.DEVNULL)
    installed = tmp_path / "usr" / "bin" / "daypart"
    told = subprocess.run(["ldd", installed], check=True, capture_output=True, text=True).stdout
    assert ".deps" not in told and "not found" not in told
    result = subprocess.run([installed, "init", "here"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert shutil.which("daypart", path=str(installed.parent))


def test_a_reader_that_goes_away_ends_a_query_quietly(lake):
    lake.load("media.t", "n,text\n" + "".join(f"{n},{'x' * 40}\n" for n in range(100_000)))
    for form in ("csv", "json", "arrow"):
        with subprocess.Popen([lake.binary, "query", "SELECT * FROM media.t", "--format", form], cwd=lake.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as query:
            query.stdout.read(10)
            query.stdout.close()
            # Of SIGPIPE: what a shell shows as 141.
            assert (query.wait(timeout=60), query.stderr.read()) == (-signal.SIGPIPE, b""), form
    # A full disk is no reader that has gone.
    with open("/dev/full", "wb") as full:
        done = subprocess.run([lake.binary, "query", "SELECT * FROM media.t", "--format", "csv"], cwd=lake.folder,
                              stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "writing the result: No space left on device" in done.stderr


def test_values_with_line_ends_keep_a_table_in_shape(lake):
    text = lake.must("query", "SELECT 'a' || chr(10) || 'b' || chr(13) || chr(9) || chr(27) || '[1m' AS t, 1 AS n")
    assert text.splitlines() == ["t              n", "-------------  -", r"a\nb\r\t\e[1m  1"]
    assert json.loads(lake.must("query", "SELECT 'a' || chr(10) || 'b' AS t", "--format", "json")) == [{"t": "a\nb"}]


def test_short_names_suggest_nothing(lake):
    lake.load("media.t", "n\n1\n")
    lake.load("media.events", "n\n1\n")
    for name, meant in (("x", False), ("ab", False), ("evnts", True)):
        for words in (["describe", name], ["query", f"SELECT * FROM {name}"]):
            done = lake.run(*words)
            assert done.returncode == 1 and ("did you mean" in done.stderr) == meant, done.stderr


def test_a_new_stream_says_what_is_left_to_do(lake):
    assert "while daypart serve runs, then daypart stream clicks" in lake.must("stream", "create", "clicks")
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write('\n[stream.spots]\ntable = "media.spots"\n')
    with Served(lake):
        told = lake.must("stream", "create", "spots")
        assert "daypart serve, which runs, takes it into media.spots" in told and "then daypart stream" not in told
        assert "--stream other, then daypart stream other" in lake.must("stream", "create", "other")


def test_an_answer_tells_of_streams_only_where_it_has_their_rows(lake):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write('\n[stream.clicks]\ntable = "media.clicks"\ncommit_seconds = 3600\nfiles = ""\n')
    lake.load("media.t", "n\n1\n")
    (lake.folder / "e.jsonl").write_text('{"event_id": "a", "n": 1}\n{"event_id": "b", "n": 2}\n', encoding="utf-8")
    lake.must("stream", "create", "clicks")
    with Served(lake) as server:
        lake.must("send", "e.jsonl", "--stream", "clicks")
        assert wait_until(lambda: lake.run("query", "SELECT * FROM clicks").stdout.count("\n") == 4), server.told()
        assert "2 rows of streams not committed yet" in lake.run("query", "SELECT * FROM clicks").stderr
        told = lake.run("query", "SELECT * FROM t").stderr
        assert "from the lake's server" in told and "stream" not in told
        assert server.ask("/query", "SELECT * FROM clicks")[1]["daypart-rows-not-committed"] == "2"


def test_kills_of_a_load_leave_no_table_without_its_rows(lake):
    lines = "n,text\n" + "".join(f"{n},{'x' * 60}\n" for n in range(400_000))
    (lake.folder / "rows.csv").write_text(lines, encoding="utf-8")
    made = 0
    for step in range(12):
        table = f"media.t{step}"
        with subprocess.Popen([lake.binary, "load", table, "rows.csv"], cwd=lake.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as load:
            try:
                load.wait(timeout=0.03 * (step + 1))
            except subprocess.TimeoutExpired:
                load.send_signal(signal.SIGKILL)
        if lake.catalog().table_exists(table):
            made += 1
            assert len(lake.catalog().load_table(table).scan().to_arrow()) == 400_000
        # What a kill left in the folder is in the way of nobody.
        lake.must("load", table, "rows.csv", "--mode", "overwrite")
        assert lake.query(f"SELECT count(*) AS n FROM {table}") == [{"n": 400_000}]
    print("made before the kill:", made)
    # A load that fails, and one whose rows are all refused.
    assert lake.run("load", "media.none", "rows.csv", "--max-rejects", "0", "--partition", "day(n)").returncode == 1
    assert not lake.catalog().table_exists("media.none")
