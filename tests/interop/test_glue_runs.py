# SPDX-License-Identifier: Apache-2.0
"""Crawlers and jobs of AWS Glue: made, started, followed, stopped. moto knows the calls, but its crawlers run for
ever and its jobs do nothing, so that the ends are told by a scripted Glue in front of it."""

import json
import os
import signal
import subprocess
import time

import pytest

import cloud
import faults
from test_glue import GlueLake

BINARY = os.environ.get("DAYPART", str(cloud.ROOT / "build" / "daypart"))


@pytest.fixture
def server(tmp_path):
    started = cloud.start_moto(tmp_path)
    yield started
    started.stop()


class ScriptedGlue:
    """Answers of crawlers and jobs as listed, one a look; all else goes to moto."""

    def __init__(self, server, folder):
        self.crawls, self.runs, self.asked = [], [], []
        self.proxy = faults.FaultProxy(server.url, self.plan)
        self.lake = GlueLake(folder, server, url=self.proxy.url)
        config = self.lake.folder / "daypart.toml"
        config.write_text(config.read_text() + '\n[glue]\nrole = "daypart-etl"\npoll_ms = 50\n')

    def plan(self, call):
        action = call.target.rpartition(".")[2]
        if action in ("GetCrawler", "StartCrawler", "StopCrawler", "CreateCrawler", "UpdateCrawler", "StartJobRun",
                      "GetJobRun", "BatchStopJobRun", "CreateJob", "UpdateJob"):
            self.asked.append((action, json.loads(call.body)))
        answer = None
        if action == "GetCrawler" and self.crawls:
            answer = {"Crawler": self.crawls.pop(0) if len(self.crawls) > 1 else self.crawls[0]}
        if action in ("StartCrawler", "StopCrawler", "UpdateCrawler") and self.crawls:
            answer = {}
        if action == "StartJobRun" and self.runs:
            answer = {"JobRunId": "jr_1"}
        if action == "GetJobRun" and self.runs:
            answer = {"JobRun": self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]}
        if action == "BatchStopJobRun" and self.runs:
            answer = {"SuccessfulSubmissions": [{"JobRunId": "jr_1"}]}
        return None if answer is None else faults.Answer(200, json.dumps(answer), {"Content-Type": "application/x-amz-json-1.1"})

    def names(self):
        return [action for action, _ in self.asked]


@pytest.fixture
def glue(server, tmp_path):
    made = ScriptedGlue(server, tmp_path / "lake")
    yield made
    made.proxy.stop()


def crawl(state, start=None, status="SUCCEEDED", message=""):
    crawler = {"Name": "c", "State": state}
    if start:
        crawler["LastCrawl"] = {"Status": status, "ErrorMessage": message, "LogGroup": "/aws-glue/crawlers",
                                "LogStream": "c", "StartTime": start}
    return crawler


def test_a_crawler_is_made_started_and_followed(glue, server):
    # An earlier crawl failed: what it says is not what this one did.
    glue.crawls = [crawl("READY", 1.0, "FAILED", "of yesterday"), crawl("READY", 1.0, "FAILED", "of yesterday"),
                   crawl("RUNNING", 1.0, "FAILED"), crawl("STOPPING", 1.0, "FAILED"), crawl("READY", 2.0)]
    told = json.loads(glue.lake.must("--json", "crawl", "raw/live", "--with", "glue"))
    assert told["state"] == "SUCCEEDED" and told["crawler"] == "daypart-media_raw-demo-raw-live"
    assert glue.names() == ["CreateCrawler", "GetCrawler", "StartCrawler"] + ["GetCrawler"] * 4
    made = server.client("glue").get_crawler(Name="daypart-media_raw-demo-raw-live")["Crawler"]
    assert made["Role"] == "daypart-etl" and made["DatabaseName"] == "media_raw"
    assert made["Targets"]["S3Targets"][0]["Path"] == f"s3://{glue.lake.bucket}/demo/raw/live/"
    # A second time it is there already.
    glue.crawls, glue.asked = [crawl("READY", 2.0), crawl("READY", 3.0)], []
    done = glue.lake.run("crawl", "raw/live", "--with", "glue")
    assert done.returncode == 0 and "READY" in done.stderr, done.stderr
    assert glue.names()[:2] == ["CreateCrawler", "UpdateCrawler"]


def test_a_crawl_that_fails_is_told_with_its_log(glue):
    glue.crawls = [crawl("READY"), crawl("RUNNING"), crawl("READY", 5.0, "FAILED", "Insufficient Lake Formation rights")]
    done = glue.lake.run("crawl", "raw/", "--with", "glue")
    assert done.returncode == 1 and "Insufficient Lake Formation rights" in done.stderr
    assert "/aws-glue/crawlers" in done.stderr


def interrupt(lake, glue, wanted, *arguments):
    process = subprocess.Popen([BINARY, *arguments], cwd=lake.folder, env=cloud.environment(**lake.more()), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 20
    while glue.names().count(wanted) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    return process.returncode, err


def test_motos_crawler_runs_until_ctrl_c_stops_it(glue, server):
    code, err = interrupt(glue.lake, glue, "GetCrawler", "crawl", "raw/", "--with", "glue")
    assert code == 130 and "stopped on request" in err, err
    assert glue.names()[-1] == "StopCrawler"
    assert server.client("glue").get_crawler(Name="daypart-media_raw-demo-raw")["Crawler"]["State"] != "RUNNING"


def test_a_role_is_wanted(glue):
    config = glue.lake.folder / "daypart.toml"
    config.write_text(config.read_text().replace('role = "daypart-etl"\n', ""))
    done = glue.lake.run("crawl", "raw/", "--with", "glue")
    assert done.returncode == 1 and "glue.role" in done.stderr and not glue.asked


def test_a_job_is_made_changed_started_and_followed(glue, server):
    glue.lake.must("deploy", "glue", "--script", "s3://code/job.py")
    glue.lake.must("deploy", "glue", "--script", "s3://code/job2.py", "--workers", "5")
    job = server.client("glue").get_job(JobName="daypart-standard")["Job"]
    assert job["Command"]["ScriptLocation"] == "s3://code/job2.py" and job["NumberOfWorkers"] == 5
    assert job["DefaultArguments"]["--datalake-formats"] == "iceberg"
    # moto's own run succeeds at once.
    told = json.loads(glue.lake.must("--json", "run", "--engine", "glue"))
    assert told["state"] == "SUCCEEDED" and told["run"]
    glue.runs, glue.asked = [{"JobRunState": "STARTING"}, {"JobRunState": "RUNNING"},
                             {"JobRunState": "SUCCEEDED", "ExecutionTime": 61, "DPUSeconds": 122.0}], []
    told = json.loads(glue.lake.must("--json", "run", "standard", "--engine", "glue", "--task", "ad_revenue"))
    assert told == {"job": "daypart-standard", "run": "jr_1", "state": "SUCCEEDED", "seconds": 61, "dpu_seconds": 122.0}
    assert glue.asked[0] == ("StartJobRun", {"JobName": "daypart-standard", "Arguments": {
        "--pipeline": "standard", "--task": "ad_revenue"}})


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "STOPPED"])
def test_a_run_that_fails_is_told(glue, state):
    glue.runs = [{"JobRunState": "RUNNING"}, {"JobRunState": state, "ErrorMessage": "AnalysisException: no table",
                                              "LogGroupName": "/aws-glue/jobs"}]
    done = glue.lake.run("run", "--engine", "glue")
    assert done.returncode == 1 and state in done.stderr and "AnalysisException: no table" in done.stderr
    assert "/aws-glue/jobs" in done.stderr


def test_ctrl_c_stops_the_run(glue):
    glue.runs = [{"JobRunState": "RUNNING"}]
    code, err = interrupt(glue.lake, glue, "GetJobRun", "run", "--engine", "glue")
    assert code == 130 and "jr_1" in err and glue.asked[-1] == (
        "BatchStopJobRun", {"JobName": "daypart-standard", "JobRunIds": ["jr_1"]})


def test_partition_projection(glue, server):
    config = glue.lake.folder / "daypart.toml"
    config.write_text(config.read_text().replace("[catalog]\n", "[catalog]\npartition_projection = true\n"))
    for hour in ("05", "23"):
        server.client("s3").put_object(
            Bucket=glue.lake.bucket, Key=f"demo/stream1/day=2026-11-24/hour={hour}/a.csv", Body=b"id,v\n1,x\n2,y\n")
    glue.lake.must("crawl", "stream1/")
    tables = server.client("glue").get_tables(DatabaseName="media_raw")["TableList"]
    [parameters] = [table["Parameters"] for table in tables]
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.day.range"] == "2026-11-24,NOW+1DAY"
    assert parameters["projection.hour.range"] == "0,23" and parameters["projection.hour.digits"] == "2"
    assert parameters["storage.location.template"].endswith("/demo/stream1/day=${day}/hour=${hour}/")
    name = tables[0]["Name"]
    assert glue.lake.query(f"SELECT COUNT(*) AS n FROM media_raw.{name}") == [{"n": 4}]
    assert "unchanged" in glue.lake.must("crawl", "stream1/")
