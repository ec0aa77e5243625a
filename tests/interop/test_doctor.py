# SPDX-License-Identifier: Apache-2.0
"""daypart doctor: what is fine is said so, and each trouble is one line with the IAM action that is missing
and what to do: server down, wrong secret, missing bucket, expired token, a clock that is off."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import cloud
import faults

BINARY = os.environ.get("DAYPART", str(cloud.ROOT / "build" / "daypart"))
S3_ACTIONS = {"s3:ListBucket": lambda c: c.method == "GET" and "list-type" in c.query,
              "s3:PutObject": lambda c: c.method == "PUT",
              "s3:GetObject": lambda c: c.method == "GET" and ".daypart-doctor-" in c.path,
              "s3:AbortMultipartUpload": lambda c: c.method == "DELETE" and "uploadId" in c.query,
              "s3:DeleteObject": lambda c: c.method == "DELETE" and "uploadId" not in c.query}
GLUE_ACTIONS = ["GetDatabases", "GetTables", "GetTable", "CreateTable", "UpdateTable", "BatchCreatePartition",
                "GetPartitions", "DeletePartition", "DeleteTable"]
KINESIS_ACTIONS = ["DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"]
ATHENA_ACTIONS = ["StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"]


def doctor(folder, env=None, *more):
    done = subprocess.run([BINARY, "--json", "doctor", *more], cwd=folder, env=env or cloud.environment(), text=True,
                          capture_output=True, timeout=60)
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["is_well"] else 1), done.stderr
    return told["checks"]


def failed(checks):
    return [check for check in checks if check["outcome"] == "failed"]


def init(folder, *options, env=None):
    done = subprocess.run([BINARY, "init", ".", *options], cwd=folder, env=env or cloud.environment(), text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_embedded_default(tmp_path):
    init(tmp_path)
    checks = doctor(tmp_path)
    assert not failed(checks)
    found = {(check["service"], check["check"]) for check in checks}
    assert found == {("configuration", "read"), ("lake", "write"), ("lake", "clock"), ("lake", "lock"),
                     ("lake", "space"), ("catalog", "read"), ("sql", "folder"), ("duckdb", "query")}
    assert not [path for path in (tmp_path / "lake").iterdir() if path.name.startswith(".daypart-doctor")]
    done = subprocess.run([BINARY, "doctor"], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0 and "ok duckdb: query: answers" in done.stdout
    done = subprocess.run([BINARY, "--quiet", "doctor"], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0 and not done.stdout


def without_keys(env, home):
    return {name: value for name, value in env.items() if "KEY" not in name} | {"HOME": str(home)}


def test_what_the_machine_lacks(tmp_path):
    checks = doctor(tmp_path, without_keys(cloud.environment(), tmp_path))
    assert [c["service"] for c in failed(checks)] == ["configuration"] and "daypart init" in checks[0]["remedy"]
    init(tmp_path)
    (tmp_path / "lake" / "catalog.db").unlink()
    [check] = failed(doctor(tmp_path))
    assert check["service"] == "catalog" and "daypart init" in check["remedy"]
    (tmp_path / "lake" / "catalog.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    [check] = failed(doctor(tmp_path))
    assert check["service"] == "catalog" and "backup" in check["remedy"]
    shutil.rmtree(tmp_path / "lake")
    assert {c["service"] for c in failed(doctor(tmp_path))} == {"lake", "catalog"}
    (tmp_path / "daypart.toml").write_text("[lake]\ndirektory = 1\n")
    [check] = failed(doctor(tmp_path))
    assert check["service"] == "configuration" and "direktory" in check["found"]


class CloudFolder:
    """A lake whose store, catalog and Athena are behind `url`."""

    def __init__(self, folder, server):
        self.folder, self.server = pathlib.Path(folder), server
        server.client("s3").create_bucket(Bucket="lake")
        self.env = cloud.environment(AWS_ENDPOINT_URL=server.url)
        init(folder, "--warehouse", "s3://lake/demo", "--glue", env=self.env)
        config = self.folder / "daypart.toml"
        config.write_text(config.read_text() + '\n[athena]\nworkgroup = "primary"\n')

    def doctor(self, url=None, **more):
        return doctor(self.folder, self.env | {"AWS_ENDPOINT_URL": url or self.server.url} | more)


@pytest.fixture
def lake(tmp_path):
    server = cloud.start_moto(tmp_path)
    yield CloudFolder(tmp_path, server)
    server.stop()


def test_services_that_are_well(lake):
    checks = lake.doctor()
    assert not failed(checks), failed(checks)
    fine = {check["check"] for check in checks if check["outcome"] == "ok"}
    assert fine >= set(S3_ACTIONS) | {f"glue:{a}" for a in GLUE_ACTIONS} | {f"athena:{a}" for a in ATHENA_ACTIONS}
    caller = next(check for check in checks if check["check"] == "sts:GetCallerIdentity")
    assert lake.server.client("sts").get_caller_identity()["Arn"] in caller["found"]
    assert cloud.SECRET not in json.dumps(checks)
    # Nothing of the probes is left.
    objects = lake.server.client("s3").list_objects_v2(Bucket="lake").get("Contents", [])
    assert not [item["Key"] for item in objects if "doctor" in item["Key"]]
    assert not lake.server.client("s3").list_multipart_uploads(Bucket="lake").get("Uploads")
    assert not lake.server.client("glue").get_tables(DatabaseName="media")["TableList"]


def test_each_missing_permission_is_named(lake):
    cases = [(action, meets, faults.s3_error(403, "AccessDenied")) for action, meets in S3_ACTIONS.items()]
    cases += [(f"{service}:{action}", (lambda target: lambda c: c.target.endswith("." + target))(action),
               faults.json_error(400, "AccessDeniedException"))
              for service, actions in (("glue", GLUE_ACTIONS), ("athena", ATHENA_ACTIONS)) for action in actions]
    now = []
    proxy = faults.FaultProxy(lake.server.url, lambda call: now[0][2] if now[0][1](call) else None)
    for case in cases:
        now[:] = [case]
        missing = failed(lake.doctor(proxy.url))
        assert case[0] in [check["missing_action"] for check in missing], (case[0], missing)
        assert "daypart deploy iam" in missing[0]["remedy"]
        # One trouble, one line: what cannot be tried for it is left out.
        assert len(missing) == 1, missing
    # The action that the service names goes before the one that was tried.
    now[:] = [("", S3_ACTIONS["s3:PutObject"], faults.s3_error(
        403, "AccessDenied", "User: arn:aws:iam::1:user/u is not authorized to perform: kms:GenerateDataKey on "
        "resource: arn:aws:kms:us-east-1:1:key/k because no policy allows it"))]
    assert [c["missing_action"] for c in failed(lake.doctor(proxy.url))] == ["kms:GenerateDataKey"]
    proxy.stop()


def test_a_server_that_is_down_is_one_line_and_soon(lake):
    lake.server.stop()
    begin = time.monotonic()
    checks = failed(lake.doctor())
    assert len(checks) == 1 and lake.server.url in checks[0]["remedy"], checks
    assert time.monotonic() - begin < 20


@pytest.mark.skipif(not cloud.has_versitygw(), reason="tools/setup.sh found no Go to build versitygw with")
def test_a_wrong_secret_and_a_missing_bucket(tmp_path):
    server = cloud.start_versitygw(tmp_path)
    server.client("s3").create_bucket(Bucket="lake")
    folder = tmp_path / "lake"
    folder.mkdir()
    init(folder, "--warehouse", "s3://lake/demo", "--endpoint", server.url)
    assert not failed(doctor(folder))
    [check] = failed(doctor(folder, cloud.environment("wrong")))
    assert "SignatureDoesNotMatch" in check["found"] and "AWS_SECRET_ACCESS_KEY" in check["remedy"]
    server.client("s3").delete_object(Bucket="lake", Key="demo/media")
    config = folder / "daypart.toml"
    config.write_text(config.read_text().replace("s3://lake/demo", "s3://other/demo"))
    [check] = failed(doctor(folder))
    assert "NoSuchBucket" in check["found"] and "aws s3 mb" in check["remedy"]
    server.stop()


def test_no_credentials_at_all(lake):
    [check] = failed(doctor(lake.folder, without_keys(lake.env, lake.folder)))
    assert check["service"] == "credentials" and "aws configure" in check["remedy"]


def test_a_missing_database_is_one_line(lake):
    lake.server.client("glue").delete_database(Name="media")
    [check] = failed(lake.doctor())
    assert (check["service"], check["check"]) == ("glue", "glue:GetTables") and "daypart init" in check["remedy"]


def test_before_there_is_a_lake_the_credentials_are_told(tmp_path):
    server = cloud.start_moto(tmp_path)
    checks = doctor(tmp_path, cloud.environment(AWS_ENDPOINT_URL=server.url))
    assert [c["service"] for c in failed(checks)] == ["configuration"]
    told = {check["check"]: check["found"] for check in checks}
    assert "from environment, key …" + cloud.KEY[-4:] in told["find"] and server.url == told["endpoint"]
    assert server.client("sts").get_caller_identity()["Arn"] in told["sts:GetCallerIdentity"]
    server.stop()
    # Without credentials none are missing: a lake on this machine needs none.
    checks = doctor(tmp_path, without_keys(cloud.environment(), tmp_path))
    assert [c["service"] for c in failed(checks)] == ["configuration"]
    assert [(c["service"], c["outcome"]) for c in checks[1:]] == [("credentials", "skipped")]


def test_a_place_of_kinesis_without_a_stream_is_looked_at(tmp_path):
    server = cloud.start_moto(tmp_path)
    init(tmp_path)
    config = tmp_path / "daypart.toml"
    config.write_text(config.read_text() + f'\n[kinesis]\nendpoint = "{server.url}"\n')
    env = cloud.environment(AWS_ENDPOINT_URL_STS=server.url)
    checks = doctor(tmp_path, env)
    assert not failed(checks) and ("kinesis", "answer") in [(c["service"], c["check"]) for c in checks]
    proxy = faults.FaultProxy(server.url, lambda call: faults.json_error(400, "AccessDeniedException")
                              if call.target.startswith("Kinesis") else None)
    config.write_text(config.read_text().replace(server.url, proxy.url))
    assert not failed(doctor(tmp_path, env))
    config.write_text(config.read_text().replace(proxy.url, f"http://127.0.0.1:{cloud.free_port()}"))
    [check] = failed(doctor(tmp_path, env))
    assert check["service"] == "kinesis" and "nothing listens" in check["found"]
    proxy.stop()
    server.stop()


def test_a_broken_connection_says_what_to_do(lake):
    proxy = faults.FaultProxy(lake.server.url, lambda call: faults.Lose() if "list-type" in call.query else None)
    [check] = failed(lake.doctor(proxy.url))
    assert check["check"] == "s3:ListBucket" and "the connection broke off: run it again" in check["found"]
    proxy.stop()


def test_an_upload_to_a_server_that_is_down_says_what_to_do(lake):
    (lake.folder / "rows.csv").write_text("a,b\n1,2\n")
    lake.server.stop()
    done = subprocess.run([BINARY, "upload", "rows.csv", "raw/"], cwd=lake.folder, env=lake.env, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 1 and lake.server.url in done.stderr, done.stderr
    assert "nothing listens there: start the service, or correct the endpoint" in done.stderr


def test_an_expired_token(lake):
    proxy = faults.FaultProxy(lake.server.url, lambda call: faults.s3_error(403, "ExpiredToken"))
    [check] = failed(lake.doctor(proxy.url, AWS_SESSION_TOKEN="token"))
    assert "ExpiredToken" in check["found"] and "aws sso login" in check["remedy"]
    proxy.stop()


def test_a_clock_that_is_off(lake):
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - 3600))

    def off(call):
        answer = faults.s3_error(403, "RequestTimeTooSkewed")
        answer.headers["Date"] = date
        return answer

    proxy = faults.FaultProxy(lake.server.url, off)
    checks = failed(lake.doctor(proxy.url))
    assert checks[0]["service"] == "clock" and "timedatectl" in checks[0]["remedy"]
    assert "3600 s ahead" in checks[0]["found"] or "3601 s ahead" in checks[0]["found"]
    assert all("clock" in check["remedy"] for check in checks)
    proxy.stop()


@pytest.fixture
def streaming(tmp_path):
    """An embedded lake whose stream comes from Kinesis."""
    server = cloud.start_moto(tmp_path)
    init(tmp_path)
    config = tmp_path / "daypart.toml"
    config.write_text(config.read_text() + '\n[stream.clicks]\nsource = "kinesis:visits"\n')
    yield server, lambda url=server.url: doctor(tmp_path, cloud.environment(AWS_ENDPOINT_URL=url))
    server.stop()


def test_a_stream_of_kinesis_is_missing_then_well(streaming):
    server, ask = streaming
    [check] = failed(ask())
    assert (check["service"], check["check"]) == ("kinesis clicks", "kinesis:DescribeStreamSummary")
    assert "ResourceNotFoundException" in check["found"] and not check["missing_action"]
    assert "aws kinesis create-stream" in check["remedy"] and "[stream.clicks]" in check["remedy"]
    server.client("kinesis").create_stream(StreamName="visits", ShardCount=3)
    checks = ask()
    assert not failed(checks), failed(checks)
    told = {check["check"]: check["found"] for check in checks if check["service"] == "kinesis clicks"}
    assert set(told) == {f"kinesis:{action}" for action in KINESIS_ACTIONS}
    assert told["kinesis:ListShards"] == "3 shards"


def test_each_missing_permission_of_kinesis_is_named(streaming):
    server, ask = streaming
    server.client("kinesis").create_stream(StreamName="visits", ShardCount=1)
    now = []
    proxy = faults.FaultProxy(server.url, lambda call: faults.json_error(400, "AccessDeniedException")
                              if call.target.endswith("." + now[0]) else None)
    for action in KINESIS_ACTIONS:
        now[:] = [action]
        [check] = failed(ask(proxy.url))
        assert check["missing_action"] == f"kinesis:{action}" and "daypart deploy iam" in check["remedy"]
    proxy.stop()


def test_kinesis_that_is_down_or_throttles_is_one_line(streaming, tmp_path):
    server, ask = streaming
    config = tmp_path / "daypart.toml"
    url = f"http://127.0.0.1:{cloud.free_port()}"
    whole = config.read_text()
    config.write_text(whole + f'\n[kinesis]\nendpoint = "{url}"\n')
    [check] = failed(ask())
    assert check["service"] == "kinesis clicks" and url in check["remedy"] and "nothing listens" in check["found"]
    config.write_text(whole)
    proxy = faults.FaultProxy(server.url, lambda call: faults.json_error(400, "LimitExceededException")
                              if call.target.startswith("Kinesis") else None)
    [check] = failed(ask(proxy.url))
    assert "LimitExceededException" in check["found"] and "raise the quota" in check["found"]
    proxy.stop()


def test_an_empty_account_before_there_is_a_lake(tmp_path):
    """Only the configuration is written: each service is asked all the same, and what to make is told."""
    server = cloud.start_moto(tmp_path)
    (tmp_path / "daypart.toml").write_text(
        '[store]\nlocation = "s3://none/demo"\n[catalog]\nkind = "glue"\n[athena]\nworkgroup = "primary"\n'
        '[stream.clicks]\nsource = "kinesis:visits"\n')
    checks = doctor(tmp_path, cloud.environment(AWS_ENDPOINT_URL=server.url))
    assert {c["service"] for c in checks} >= {"credentials", "sts", "s3", "glue", "athena", "kinesis clicks"}
    remedies = {check["service"]: check["remedy"] for check in failed(checks)}
    assert "aws s3 mb" in remedies["s3"] and "daypart init" in remedies["glue"]
    assert "aws kinesis create-stream" in remedies["kinesis clicks"]
    assert not {"sts", "athena", "credentials"} & set(remedies)
    server.stop()
