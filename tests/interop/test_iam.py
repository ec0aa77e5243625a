# SPDX-License-Identifier: Apache-2.0
"""daypart deploy iam against the calls really made: each role's commands run through a proxy that writes the
calls down; the role's policy has to allow each of them on its resource, and grant nothing that no call needed
and no reason below explains. With moto's enforcement a role's commands pass, and fail by name without an
action."""

import copy
import fnmatch
import json
import os
import pathlib
import subprocess
import time
import urllib.request

import pytest

import cloud
import faults

BINARY = os.environ.get("DAYPART", str(cloud.ROOT / "build" / "daypart"))
ACCOUNT = "123456789012"

# Granted, though no command of the test needs it, and why.
RESUMES = "a killed upload goes on or is given up"
ATHENA = "Athena does it with the caller's permissions"
SERVICE = "the service's own runtime does it"
DAG = "tasks of a DAG do it"
JUSTIFIED = {
    "s3:AbortMultipartUpload": RESUMES, "s3:ListMultipartUploadParts": RESUMES,
    "s3:DeleteObject": "the lists of an attempt to commit that came second are deleted",
    "s3:GetBucketLocation": ATHENA, "glue:GetDatabase": ATHENA, "glue:GetPartition": ATHENA,
    "glue:BatchGetPartition": ATHENA, "athena:StopQueryExecution": "Ctrl-C; tested in test_athena.py",
    "logs:CreateLogGroup": SERVICE, "logs:CreateLogStream": SERVICE, "logs:PutLogEvents": SERVICE,
    "logs:GetLogEvents": SERVICE, "logs:GetLogRecord": SERVICE, "logs:GetLogGroupFields": SERVICE,
    "logs:GetQueryResults": SERVICE, "airflow:PublishMetrics": SERVICE,
    "glue:StartJobRun": DAG, "glue:GetJobRun": DAG, "glue:BatchStopJobRun": DAG, "glue:GetCrawler": DAG,
    "glue:StartCrawler": DAG,
}


def as_list(value):
    return value if isinstance(value, list) else [value]


def is_allowed(policy, action, resources, context):
    """Whether statements of the policy allow the action on every one of the resources."""
    def one(resource):
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            meets = all(
                operator == "StringLike" and any(fnmatch.fnmatchcase(context.get(key, "\0"), pattern)
                                                 for pattern in as_list(wanted))
                for operator, test in statement.get("Condition", {}).items() for key, wanted in test.items())
            if action in as_list(statement["Action"]) and meets and any(
                    fnmatch.fnmatchcase(resource, pattern) for pattern in as_list(statement["Resource"])):
                return True
        return False
    return all(one(resource) for resource in resources)


def action_of(call):
    """(action, resources, context) of a call; None for one that needs no permission."""
    service, _, name = call.target.rpartition(".")
    glue = f"arn:aws:glue:{cloud.REGION}:{ACCOUNT}:"
    if service == "AWSGlue":
        body = json.loads(call.body)
        database = body.get("DatabaseName") or body.get("DatabaseInput", {}).get("Name")
        table = body.get("TableName") or body.get("TableInput", {}).get("Name") or (database and body.get("Name"))
        resources = [glue + "catalog"] + ([glue + "database/" + database] if database else [])
        if database and name != "CreateDatabase":
            resources.append(f"{glue}table/{database}/{table or '*'}")
        return "glue:" + name, resources, {}
    if service == "AmazonAthena":
        return "athena:" + name, [f"arn:aws:athena:{cloud.REGION}:{ACCOUNT}:workgroup/primary"], {}
    if service == "Kinesis_20131202":
        return "kinesis:" + name, [f"arn:aws:kinesis:{cloud.REGION}:{ACCOUNT}:stream/clicks"], {}
    if b"Action=GetCallerIdentity" in call.body:
        return None
    bucket, _, key = call.path.lstrip("/").partition("/")
    resource = "arn:aws:s3:::" + bucket
    if not key:
        assert call.method == "GET" and "list-type" in call.query, call
        return "s3:ListBucket", [resource], {"s3:prefix": call.query["prefix"]}
    if "uploadId" in call.query and call.method in ("GET", "DELETE"):
        name = "ListMultipartUploadParts" if call.method == "GET" else "AbortMultipartUpload"
    else:
        name = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject",
                "DELETE": "DeleteObject"}[call.method]
    return "s3:" + name, [f"{resource}/{key}"], {}


class Account:
    """A lake with all services in moto, spoken to through a proxy."""

    def __init__(self, folder):
        self.folder = folder
        self.server = cloud.start_moto(folder)
        self.proxy = faults.FaultProxy(self.server.url)
        self.server.client("s3").create_bucket(Bucket="lake")
        self.server.client("kinesis").create_stream(StreamName="clicks", ShardCount=2)
        self.env = cloud.environment(AWS_ENDPOINT_URL=self.proxy.url)
        self.must("init", ".", "--warehouse", "s3://lake/demo", "--glue")
        config = folder / "daypart.toml"
        config.write_text(config.read_text() + '\n[athena]\nworkgroup = "primary"\n[stream.clicks]\n'
                          'source = "kinesis:clicks"\ntable = "media.viewership_stream"\n')
        self.must("generate", "--out", "data", "--events", "5000", "--viewers", "200", "--jsonl")
        (folder / "rows.csv").write_text("id,v\n1,one\n2,two\n")
        self.policies = json.loads(self.must("deploy", "iam", "--account", ACCOUNT))

    def run(self, *arguments, **more):
        return subprocess.run([BINARY, *map(str, arguments)], cwd=self.folder, env=self.env | more, text=True,
                              capture_output=True, timeout=120)

    def must(self, *arguments, **more):
        done = self.run(*arguments, **more)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def ingest(self):
        self.must("upload", "-r", "data", "raw/")
        self.must("crawl", "raw/")
        events = next((self.folder / "data").rglob("*.jsonl"))
        lines = events.read_text().splitlines()[:300]
        (self.folder / "events.jsonl").write_text("\n".join(lines) + "\n")
        self.must("send", "events.jsonl", "--stream", "clicks", "--aws")
        self.must("stream", "clicks", "--until-idle")
        # A new day of files: partitions that are new, and one that went.
        history = sorted((self.folder / "data").rglob("historical_data/*"))
        assert history, list((self.folder / "data").rglob("*"))[:20]
        self.move_partition()
        self.must("crawl", "raw/")

    def move_partition(self):
        s3 = self.server.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="lake", Prefix="demo/raw/data/historical_data/")[
            "Contents"]]
        folder = keys[0].rpartition("/")[0]
        for key in keys:
            if key.startswith(folder):
                moved = key.replace(folder, folder[:-1] + ("7" if not folder.endswith("7") else "8"))
                s3.copy_object(Bucket="lake", Key=moved, CopySource={"Bucket": "lake", "Key": key})
                s3.delete_object(Bucket="lake", Key=key)

    def etl(self):
        self.run("run")
        self.must("load", "media.t", "rows.csv")
        self.must("load", "media.t", "rows.csv")
        self.must("query", "--write", "DELETE FROM media.t WHERE id = 1")
        self.must("maintain", "media.t", "compact")
        self.must("maintain", "media.t", "expire", "--older-than-hours", "0")
        self.must("maintain", "media.t", "orphans")
        self.must("query", "--write", "DROP TABLE media.t")

    def query(self):
        self.must("tables")
        self.must("describe", "media.viewership")
        self.must("query", "SELECT COUNT(*) AS n FROM viewership")
        self.must("query", "SELECT COUNT(*) AS n FROM media_raw.historical_data")
        self.must("query", "--engine", "athena", "--saved", "top_channels")

    def lambda_(self):
        self.server.client("glue").delete_database(Name="media_raw")
        self.must("crawl", "raw/")
        self.move_partition()
        self.must("crawl", "raw/")
        self.run("run", "--full-refresh")
        self.must("stream", "clicks", "--until-idle")
        self.must("maintain", "media.viewership", "expire", "--older-than-hours", "0")

    def airflow(self):
        self.move_partition()
        self.must("crawl", "raw/")
        self.query()
        self.etl()


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    made = Account(tmp_path_factory.mktemp("account"))
    yield made
    made.proxy.stop()
    made.server.stop()


def test_policies_are_the_calls_really_made(account):
    unused = {}
    for role in ("ingest", "etl", "query", "lambda", "airflow"):
        policy = account.policies[role]
        account.proxy.calls.clear()
        getattr(account, role if role != "lambda" else "lambda_")()
        used = set()
        for call in account.proxy.calls:
            asked = action_of(call)
            if asked is None:
                continue
            assert is_allowed(policy, *asked), (role, asked)
            used.add(asked[0])
        if role == "query":
            used.add("s3:PutObject")  # of results, which Athena writes with the caller's permissions
        granted = {action for statement in policy["Statement"] for action in as_list(statement["Action"])}
        assert not [action for action in granted if "*" in action]
        unused[role] = granted - used - set(JUSTIFIED)
        assert len(account.proxy.calls) > 20
    assert not any(unused.values()), unused


def test_resources_are_no_wider_than_the_configuration(account):
    other = ["arn:aws:s3:::lake/other/x", "arn:aws:s3:::another/demo/x"]
    for policy in account.policies.values():
        for resource in other:
            assert not is_allowed(policy, "s3:GetObject", [resource], {})
        assert not is_allowed(policy, "s3:ListBucket", ["arn:aws:s3:::lake"], {"s3:prefix": "other/"})
        assert not is_allowed(policy, "glue:GetTable", [f"arn:aws:glue:{cloud.REGION}:{ACCOUNT}:table/secret/t"], {})
        assert "*" not in [resource for s in policy["Statement"] for resource in as_list(s["Resource"])]
    query = account.policies["query"]
    assert not is_allowed(query, "s3:PutObject", ["arn:aws:s3:::lake/demo/media/t"], {})
    assert is_allowed(query, "s3:PutObject", ["arn:aws:s3:::lake/demo/athena-results/x.csv"], {})
    assert not is_allowed(query, "glue:UpdateTable", [f"arn:aws:glue:{cloud.REGION}:{ACCOUNT}:table/media/t"], {})


def test_files_keys_and_accounts(account, tmp_path):
    told = account.must("deploy", "iam", "--account", ACCOUNT, "--out", tmp_path, "--role", "etl")
    assert "aws iam create-role --role-name daypart-etl" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["daypart-etl-trust.json", "daypart-etl.json"]
    assert json.loads((tmp_path / "daypart-etl.json").read_text()) == account.policies["etl"]
    trust = json.loads((tmp_path / "daypart-etl-trust.json").read_text())
    assert trust["Statement"][0]["Principal"] == {"Service": "glue.amazonaws.com"}
    # boto3 takes them as they are.
    iam = account.server.client("iam")
    iam.create_role(RoleName="daypart-etl", AssumeRolePolicyDocument=json.dumps(trust))
    for role, policy in account.policies.items():
        iam.put_role_policy(RoleName="daypart-etl", PolicyName=role, PolicyDocument=json.dumps(policy))
    # Without --account it is the caller's.
    assert json.loads(account.must("deploy", "iam", "--role", "etl")) == account.policies["etl"]
    done = account.run("deploy", "iam", "--account", "12")
    assert done.returncode == 1 and "12 digits" in done.stderr
    config = account.folder / "daypart.toml"
    text = config.read_text()
    config.write_text(text.replace("[store]", '[store]\nencryption = "aws:kms"\nkms_key = "alias/lake"'))
    policies = json.loads(account.must("deploy", "iam", "--account", ACCOUNT))
    config.write_text(text)
    [key] = [s for s in policies["etl"]["Statement"] if s["Sid"] == "UseKey"]
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert key["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/lake"}}


def test_a_local_lake_has_no_policies(tmp_path):
    subprocess.run([BINARY, "init", "."], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run([BINARY, "deploy", "iam", "--account", ACCOUNT], cwd=tmp_path, text=True,
                          capture_output=True, env=cloud.environment())
    assert done.returncode == 1 and "lake on AWS" in done.stderr


def for_moto(policy, without=None):
    """As moto evaluates: all but S3 on the resource '*', conditions not at all."""
    made = copy.deepcopy(policy)
    for statement in made["Statement"]:
        statement.pop("Condition", None)
        if not statement["Action"][0].startswith("s3:"):
            statement["Resource"] = "*"
        statement["Action"] = [action for action in statement["Action"] if action != without]
    made["Statement"] = [statement for statement in made["Statement"] if statement["Action"]]
    return made


def enforce(server, calls):
    """From now on all but the first `calls` calls are authorized."""
    urllib.request.urlopen(urllib.request.Request(server.url + "/moto-api/reset-auth", str(calls).encode(), {"Content-Type": "text/plain"}))


def test_motos_enforcement(account):
    iam = account.server.client("iam")
    iam.create_user(UserName="etl")
    key = iam.create_access_key(UserName="etl")["AccessKey"]
    env = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
           "AWS_ENDPOINT_URL": account.server.url}

    def allow(without=None):
        enforce(account.server, 1)
        iam.put_user_policy(UserName="etl", PolicyName="p", PolicyDocument=json.dumps(
            for_moto(account.policies["etl"], without)))

    allow()
    account.must("load", "media.e", "rows.csv", **env)
    account.must("query", "--write", "DELETE FROM media.e WHERE id = 1", **env)
    account.must("maintain", "media.e", "compact", **env)
    expected = account.must("query", "SELECT * FROM media.e", "--format", "csv", **env)
    for action in ("s3:PutObject", "s3:GetObject", "s3:ListBucket", "glue:GetTable", "glue:UpdateTable"):
        allow(action)
        command = ["maintain", "media.e", "orphans"] if action == "s3:ListBucket" else ["load", "media.e", "rows.csv"]
        (account.folder / ".daypart-cache").exists() and subprocess.run(
            ["rm", "-rf", str(account.folder / ".daypart-cache")], check=True)
        done = account.run(*command, **env)
        assert done.returncode == 1, (action, done.stdout)
        assert action.split(":")[1] in done.stderr and "AccessDenied" in done.stderr, (action, done.stderr)
    allow()
    assert account.must("query", "SELECT * FROM media.e", "--format", "csv", **env) == expected
    wrong = account.run("tables", **env | {"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert wrong.returncode == 1 and "secret access key" in wrong.stderr
    # No more enforcement for what comes after.
    enforce(account.server, 1 << 30)


def test_a_role_that_calls_nothing_has_no_policy(lake):
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write('\n[stream.clicks]\nsource = "kinesis:clicks"\n')
    done = lake.run("deploy", "iam", "--account", "123456789012", env={
        "PATH": os.environ["PATH"], "AWS_REGION": "eu-west-1", "HOME": str(lake.folder)})
    policies = json.loads(done.stdout)
    assert "etl" not in policies and "role etl needs no policy" in done.stderr
    assert policies["ingest"]["Statement"][0]["Action"] == [
        "kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"]
    assert all(policy["Statement"] for policy in policies.values())
