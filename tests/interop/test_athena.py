# SPDX-License-Identifier: Apache-2.0
"""daypart query --engine athena: against moto, whose results are queued, and against a scripted service
for states, failures, throttling, lost answers and Ctrl-C. What comes out is compared with what the test put
in, and with pyarrow for the types."""

import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.request

import pyarrow
import pytest

import cloud
import faults

BINARY = os.environ.get("DAYPART", str(cloud.ROOT / "build" / "daypart"))


class AthenaLake:
    """A local lake whose queries go to an Athena at `url`, its result objects to S3 there."""

    def __init__(self, folder, url, settings=""):
        self.folder = pathlib.Path(folder)
        self.env = cloud.environment(AWS_ENDPOINT_URL_ATHENA=url, AWS_ENDPOINT_URL_S3=url)
        assert self.run("init", ".").returncode == 0
        config = self.folder / "daypart.toml"
        config.write_text(config.read_text() + "\n[athena]\n" + settings)

    def run(self, *arguments, **more):
        return subprocess.run([BINARY, *map(str, arguments)], cwd=self.folder, env=self.env | more, text=True,
                              capture_output=True, timeout=60)

    def athena(self, *arguments):
        return self.run("query", "--engine", "athena", *arguments)


def column(name, kind, precision=0, scale=0):
    return {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": kind,
            "Precision": precision, "Scale": scale, "Nullable": "UNKNOWN", "CaseSensitive": True}


def cells(*values):
    return {"Data": [{} if value is None else {"VarCharValue": value} for value in values]}


COLUMNS = [column("n", "bigint"), column("i", "integer"), column("d", "double"), column("r", "float"),
           column("m", "decimal", 18, 4), column("b", "boolean"), column("t", "varchar"), column("day", "date"),
           column("at", "timestamp"), column("utc", "timestamp with time zone"), column("x", "varbinary"),
           column("list", "array")]
ROWS = [cells("9007199254740993", "-1", "0.1", "1.5E10", "12.3400", "true", "a,\"b\"\nc", "2026-11-24",
              "2026-11-24 20:00:00.123", "2026-11-24 20:00:00.123456 UTC", "de ad 00", "[1, 2]"),
        cells(None, None, "NaN", None, None, None, "", None, None, "2026-11-24 20:00:00.000 +02:00", None, None)]


@pytest.fixture
def moto(tmp_path):
    server = cloud.start_moto(tmp_path)
    server.client("s3").create_bucket(Bucket="results")
    yield server
    server.stop()


def queue(server, *results):
    body = json.dumps({"results": [{"rows": rows, "column_info": columns} for columns, rows in results]})
    urllib.request.urlopen(urllib.request.Request(
        server.url + "/moto-api/static/athena/query-results", body.encode(), {"Content-Type": "application/json"}))


def header(columns):
    return cells(*[c["Name"] for c in columns])


def test_moto_answers_in_every_format(moto, tmp_path):
    lake = AthenaLake(tmp_path, moto.url, 'output = "s3://results/at/"\n')
    queue(moto, *[(COLUMNS, [header(COLUMNS), *ROWS])] * 4)
    found = json.loads(lake.athena("SELECT 1", "--format", "json").stdout)
    assert found[0] == {"n": 9007199254740993, "i": -1, "d": 0.1, "r": 15000000000, "m": 12.34, "b": True,
                        "t": "a,\"b\"\nc", "day": "2026-11-24", "at": "2026-11-24T20:00:00.123",
                        "utc": "2026-11-24T20:00:00.123456Z", "x": "\\xDE\\xAD\\x00", "list": "[1, 2]"}
    assert found[1]["n"] is None and found[1]["t"] == "" and found[1]["d"] is None
    assert found[1]["utc"] == "2026-11-24T18:00:00Z"
    rows = list(csv.reader(io.StringIO(lake.athena("SELECT 1", "--format", "csv").stdout)))
    assert rows[0] == [c["Name"] for c in COLUMNS] and rows[1][4] == "12.3400" and rows[1][6] == "a,\"b\"\nc"
    done = subprocess.run([BINARY, "query", "--engine", "athena", "SELECT 1", "--format", "arrow"], cwd=tmp_path,
                          env=lake.env, capture_output=True, timeout=60)
    table = pyarrow.ipc.open_stream(done.stdout).read_all()
    assert table.schema.types == [
        pyarrow.int64(), pyarrow.int32(), pyarrow.float64(), pyarrow.float32(), pyarrow.decimal128(18, 4),
        pyarrow.bool_(), pyarrow.string(), pyarrow.date32(), pyarrow.timestamp("us"),
        pyarrow.timestamp("us", "UTC"), pyarrow.binary(), pyarrow.string()]
    assert table["x"].to_pylist() == [b"\xde\xad\0", None] and table["n"].to_pylist() == [9007199254740993, None]
    table = lake.athena("SELECT 1")
    assert "2 rows" in table.stderr and "0 B scanned" in table.stderr, table.stderr
    started = moto.client("athena").list_query_executions()["QueryExecutionIds"]
    told = moto.client("athena").get_query_execution(QueryExecutionId=started[0])["QueryExecution"]
    assert told["ResultConfiguration"]["OutputLocation"].startswith("s3://results/at/")
    assert told["QueryExecutionContext"] == {"Database": "media", "Catalog": "AwsDataCatalog"}
    assert told["WorkGroup"] == "primary"


def test_saved_queries_run_in_their_athena_form(moto, tmp_path):
    lake = AthenaLake(tmp_path, moto.url, 'output = "s3://results/"\n')
    sent = []
    proxy = faults.FaultProxy(moto.url, lambda call: sent.append(call) if "StartQuery" in call.target else None)
    names = sorted(path.stem for path in (tmp_path / "sql" / "queries").glob("*.sql"))
    own = {path.stem for path in (tmp_path / "sql" / "athena").glob("*.sql")}
    assert len(names) >= 14 and own == {"average_minute_audience"}
    one = [column("v", "bigint")]
    for name in names:
        queue(moto, (one, [header(one), cells("7")]))
        done = lake.run("query", "--engine", "athena", "--saved", name, "--format", "csv",
                        AWS_ENDPOINT_URL_ATHENA=proxy.url)
        assert done.returncode == 0 and done.stdout == "v\n7\n", done.stderr
        folder = "athena" if name in own else "queries"
        assert json.loads(sent[-1].body)["QueryString"] == (tmp_path / "sql" / folder / f"{name}.sql").read_text()
    proxy.stop()


def test_the_engine_may_be_in_the_configuration_and_writing_wants_a_flag(moto, tmp_path):
    lake = AthenaLake(tmp_path, moto.url, 'output = "s3://results/"\n')
    config = tmp_path / "daypart.toml"
    config.write_text(config.read_text().replace("[query]\n", '[query]\nengine = "athena"\n'))
    one = [column("v", "bigint")]
    queue(moto, (one, [header(one), cells("7")]))
    assert lake.run("query", "SELECT 7 AS v", "--format", "csv").stdout == "v\n7\n"
    assert lake.run("query", "SELECT 8 AS v", "--format", "csv", "--engine", "embedded").stdout == "v\n8\n"
    for sql in ("DELETE FROM media.t", "explain analyze verbose insert into media.t select 1", "/* x */ drop table t"):
        done = lake.run("query", sql)
        assert done.returncode == 1 and "--write" in done.stderr
    assert len(moto.client("athena").list_query_executions()["QueryExecutionIds"]) == 1
    assert lake.run("query", "--write", "DELETE FROM media.t").returncode == 0


class Script:
    """An Athena: states come one a look; calls are counted by the service."""

    def __init__(self, states, pages=None, **statement):
        self.states, self.pages, self.statement = states, pages or [], statement
        self.stopped, self.tokens = [], []

    def __call__(self, call):
        action = call.target.rpartition(".")[2]
        body = json.loads(call.body)
        if action == "StartQueryExecution":
            self.tokens.append(body["ClientRequestToken"])
            self.started = body
            return {"QueryExecutionId": "q-1"}
        if action == "StopQueryExecution":
            self.stopped.append(body["QueryExecutionId"])
            return {}
        if action == "GetQueryExecution":
            state = self.states[min(call.count, len(self.states) - 1)]
            if isinstance(state, faults.Answer):
                return state
            name, reason = state if isinstance(state, tuple) else (state, "")
            execution = {"QueryExecutionId": "q-1", "StatementType": "DML",
                         "Status": {"State": name, "StateChangeReason": reason}} | self.statement
            if "error" in self.statement:
                execution["Status"]["AthenaError"] = self.statement["error"]
            return {"QueryExecution": execution}
        page = int(body.get("NextToken", "0"))
        columns, rows = self.pages[page]
        answer = {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": columns}}}
        if page + 1 < len(self.pages):
            answer["NextToken"] = str(page + 1)
        return answer


@pytest.fixture
def scripted(tmp_path):
    services = []

    def make(script, settings=""):
        services.append(faults.ScriptedService(script))
        return AthenaLake(tmp_path, services[-1].url, settings), services[-1]

    yield make
    for service in services:
        service.stop()


ONE = [column("v", "bigint")]


def test_pages_are_followed_and_the_cost_is_told(scripted):
    pages = [(ONE, [header(ONE)] + [cells(str(n)) for n in range(999)]),
             (ONE, [cells(str(n)) for n in range(999, 1999)]), (ONE, [cells("1999")])]
    script = Script(["QUEUED", "RUNNING", "SUCCEEDED"], pages, Statistics={
        "DataScannedInBytes": 3 << 40, "TotalExecutionTimeInMillis": 61000})
    lake, service = scripted(script, 'usd_per_tib = 6.5\nreuse_minutes = 60\nworkgroup = "bi"\ndatabase = "d"\n')
    done = lake.athena("SELECT v FROM t", "--format", "csv")
    assert done.stdout.split() == ["v"] + [str(n) for n in range(2000)], done.stderr
    assert "19.500000 USD" in done.stderr and "3.0 TiB scanned" in done.stderr, done.stderr
    assert service.count("GetQueryResults") == 3 and service.count("StartQueryExecution") == 1
    reuse = script.started["ResultReuseConfiguration"]["ResultReuseByAgeConfiguration"]
    assert reuse == {"Enabled": True, "MaxAgeInMinutes": 60} and script.started["WorkGroup"] == "bi"
    assert script.started["QueryExecutionContext"]["Database"] == "d"
    assert "ResultConfiguration" not in script.started


def test_a_small_scan_costs_ten_mebibytes(scripted):
    lake, _ = scripted(Script(["SUCCEEDED"], [(ONE, [header(ONE)])], Statistics={"DataScannedInBytes": 1}))
    assert "0.000048 USD" in lake.athena("SELECT 1").stderr


def test_a_reused_result_costs_nothing(scripted):
    lake, _ = scripted(Script(["SUCCEEDED"], [(ONE, [header(ONE)])], Statistics={
        "ResultReuseInformation": {"ReusedPreviousResult": True}}))
    assert "earlier result" in lake.athena("SELECT 1").stderr


def test_large_results_come_from_the_object(moto, tmp_path):
    rows = [("a\"quote", None, ""), ("line\nbreak", "x,y", "é")] + [(str(n), "t", None) for n in range(5000)]
    text = '"p","q","s"\n' + "".join(
        ",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in row) + "\n" for row in rows)
    moto.client("s3").put_object(Bucket="results", Key="q-1.csv", Body=text.encode())
    three = [column(name, "varchar") for name in "pqs"]
    script = Script(["SUCCEEDED"], [(three, [header(three), cells(*rows[0])]), (three, [cells(*rows[1])])],
                    ResultConfiguration={"OutputLocation": "s3://results/q-1.csv"})
    service = faults.ScriptedService(script)
    lake = AthenaLake(tmp_path, service.url)
    done = lake.run("query", "--engine", "athena", "SELECT 1", "--format", "json", AWS_ENDPOINT_URL_S3=moto.url)
    assert [(r["p"], r["q"], r["s"]) for r in json.loads(done.stdout)] == rows
    assert service.count("GetQueryResults") == 1
    # Without the object the pages are followed.
    moto.client("s3").delete_object(Bucket="results", Key="q-1.csv")
    done = lake.run("query", "--engine", "athena", "SELECT 1", "--format", "json", AWS_ENDPOINT_URL_S3=moto.url)
    assert [(r["p"], r["q"], r["s"]) for r in json.loads(done.stdout)] == rows[:2], done.stderr
    # An object that lacks its end is no result.
    moto.client("s3").put_object(Bucket="results", Key="q-1.csv", Body=text.encode()[:-3])
    done = lake.run("query", "--engine", "athena", "SELECT 1", "--format", "json", AWS_ENDPOINT_URL_S3=moto.url)
    assert done.returncode == 1 and "ends within a row" in done.stderr
    service.stop()


@pytest.mark.parametrize("state, more, expected", [
    (("FAILED", "SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved"), {}, "Column 'x' cannot be resolved"),
    (("FAILED", "Query exhausted resources"), {"error": {"Retryable": True}}, "Athena says: try again"),
    (("CANCELLED", "Bytes scanned limit was exceeded"), {}, "Bytes scanned limit was exceeded"),
])
def test_what_athena_says_is_told(scripted, state, more, expected):
    lake, service = scripted(Script(["RUNNING", state], [], **more))
    done = lake.athena("SELECT x")
    assert done.returncode in (1, 130) and expected in done.stderr and "q-1" in done.stderr
    assert not done.stdout and service.count("GetQueryResults") == 0


def test_throttling_and_lost_answers_start_a_statement_once(scripted):
    script = Script([faults.json_error(400, "ThrottlingException"), faults.json_error(500, "InternalServerException"),
                     "RUNNING", "SUCCEEDED"], [(ONE, [header(ONE), cells("5")])])

    def answer(call):
        if "StartQuery" in call.target and call.count < 2:
            script(call)
            return faults.Lose() if call.count else faults.json_error(400, "TooManyRequestsException")
        return script(call)

    lake, service = scripted(answer)
    done = lake.athena("SELECT 5", "--format", "csv")
    assert done.stdout == "v\n5\n", done.stderr
    # One token, so that Athena takes the repetitions for one statement.
    assert len(script.tokens) == 3 and len(set(script.tokens)) == 1 and len(script.tokens[0]) >= 32


def test_a_refusal_names_the_workgroup_setting(scripted):
    lake, _ = scripted(lambda call: faults.json_error(400, "InvalidRequestException", "No output location provided"))
    done = lake.athena("SELECT 1")
    assert done.returncode == 1 and "No output location provided" in done.stderr and "athena.output" in done.stderr


def test_a_cell_of_another_type_is_told(scripted):
    lake, _ = scripted(Script(["SUCCEEDED"], [(ONE, [header(ONE), cells("seven")])]))
    done = lake.athena("SELECT 1", "--format", "csv")
    assert done.returncode == 1 and "bigint" in done.stderr and "'seven'" in done.stderr


@pytest.mark.parametrize("is_stop_refused", [False, True])
def test_ctrl_c_stops_the_statement_in_athena(scripted, is_stop_refused):
    script = Script(["RUNNING"])

    def answer(call):
        if is_stop_refused and "Stop" in call.target:
            return faults.json_error(400, "AccessDeniedException", "no StopQueryExecution for you")
        return script(call)

    lake, service = scripted(answer)
    process = subprocess.Popen([BINARY, "query", "--engine", "athena", "SELECT 1"], cwd=lake.folder, env=lake.env,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 20
    while service.count("GetQueryExecution") < 2 and time.monotonic() < end:
        time.sleep(0.02)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and not out and time.monotonic() - begin < 3
    if is_stop_refused:
        assert "stop-query-execution" in err and "no StopQueryExecution for you" in err
    else:
        assert script.stopped == ["q-1"] and "stopped on request" in err
