# SPDX-License-Identifier: Apache-2.0
"""The lake on S3 servers that nobody here wrote, the catalog in SQLite: the main job, conditional
puts under two writers and lost answers, the cache, refused keys. Looked at by boto3, the AWS CLI and
PyIceberg."""

import collections
import csv
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from pyiceberg.catalog.sql import SqlCatalog

import cloud

KINDS = ["moto", pytest.param("versitygw", marks=pytest.mark.skipif(
    not cloud.has_versitygw(), reason="tools/setup.sh found no Go to build versitygw with"))]


@pytest.fixture(scope="module", params=KINDS)
def server(request, tmp_path_factory):
    started = getattr(cloud, f"start_{request.param}")(tmp_path_factory.mktemp(request.param))
    yield started
    started.stop()


class CloudLake:
    """A folder whose daypart.toml says that the lake is in a bucket of its own."""

    count = 0

    def __init__(self, folder, server, *options, url=None):
        CloudLake.count += 1
        self.folder, self.server = pathlib.Path(folder), server
        self.folder.mkdir(exist_ok=True)
        self.bucket = f"lake-{CloudLake.count}"
        self.s3 = server.client("s3")
        self.s3.create_bucket(Bucket=self.bucket)
        self.options = ["--warehouse", f"s3://{self.bucket}/demo", "--endpoint", url or server.url, *options]
        self.binary = os.environ.get("DAYPART", str(cloud.ROOT / "build" / "daypart"))
        self.must("init", ".", *self.options)

    def run(self, *arguments, env=None):
        return subprocess.run([self.binary, *map(str, arguments)], cwd=self.folder, text=True, timeout=120,
                              capture_output=True, env=env or cloud.environment(**self.more()))

    def more(self):
        return {}

    def must(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, sql):
        return json.loads(self.must("query", sql, "--format", "json"))

    def objects(self):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {item["Key"]: (item["Size"], item["ETag"]) for page in pages for item in page.get("Contents", [])}

    def table(self, name):
        catalog = SqlCatalog("daypart", uri=f"sqlite:///{self.folder}/lake/catalog.db",
                             warehouse=f"s3://{self.bucket}/demo", **self.server.file_properties())
        return catalog.load_table(name)


@pytest.fixture
def lake(tmp_path, server):
    return CloudLake(tmp_path / "lake", server)


def expected_of(folder):
    rows, seconds = 0, 0
    for path in folder.rglob("viewership_logs.csv"):
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                rows += 1
                seconds += int(row["watch_seconds"] or 0)
    return rows, seconds


def run_main_job(lake):
    """generate, upload, crawl, run, queries, maintain; what the table holds is told by PyIceberg."""
    lake.must("generate", "--out", "data", "--events", "20000", "--viewers", "500")
    lake.must("--quiet", "upload", "-r", "data", "raw/")
    local = {str(path.relative_to(lake.folder / "data")): path.stat().st_size
             for path in (lake.folder / "data").rglob("*") if path.is_file()}
    stored = {key.removeprefix("demo/raw/data/"): size for key, (size, _) in lake.objects().items()
              if key.startswith("demo/raw/data/")}
    assert stored == local
    again = json.loads(lake.must("--json", "upload", "-r", "data", "raw/"))
    assert again["copied_bytes"] == 0
    lake.must("crawl", "raw/")
    assert {task["outcome"] for task in json.loads(lake.must("--json", "run"))} == {"done"}
    assert {task["outcome"] for task in json.loads(lake.must("--json", "run"))} == {"up to date"}
    rows, seconds = expected_of(lake.folder / "data")
    assert lake.query("SELECT COUNT(*) AS n, SUM(watch_seconds) AS s FROM viewership") == [{"n": rows, "s": seconds}]
    raw = lake.query("SELECT COUNT(*) AS n FROM media_raw.demographics")
    assert raw == [{"n": 500}]
    lake.must("query", "--write", "DELETE FROM viewership WHERE watch_seconds < 60")
    found = lake.table("media.viewership").scan().to_arrow()
    kept = [v for v in found["watch_seconds"].to_pylist()]
    assert kept and min(v for v in kept if v is not None) >= 60
    count = len(kept)
    assert lake.query("SELECT COUNT(*) AS n FROM viewership") == [{"n": count}]
    lake.must("maintain", "media.viewership", "compact")
    assert lake.table("media.viewership").scan().to_arrow().num_rows == count
    assert lake.query("SELECT COUNT(*) AS n FROM viewership") == [{"n": count}]


def test_the_main_job(lake):
    run_main_job(lake)
    listing = subprocess.run(
        [sys.executable, "-m", "awscli", "--endpoint-url", lake.server.url, "s3", "ls", "--recursive",
         f"s3://{lake.bucket}/demo/media/viewership/"],
        env=cloud.environment(), capture_output=True, text=True)
    assert listing.returncode == 0, listing.stderr
    assert ".metadata.json" in listing.stdout and ".parquet" in listing.stdout
    assert not list((lake.folder / "lake").rglob("*.parquet"))


def test_writers_at_once_lose_no_commit(lake):
    (lake.folder / "rows.csv").write_text("id,v\n0,0\n")
    lake.must("load", "media.t", "rows.csv")
    failures = []

    def write(number):
        for turn in range(4):
            name = f"rows-{number}-{turn}.csv"
            (lake.folder / name).write_text(f"id,v\n{number},{turn}\n")
            done = lake.run("load", "media.t", name)
            if done.returncode != 0:
                failures.append(done.stderr)

    writers = [threading.Thread(target=write, args=[number]) for number in (1, 2, 3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures, failures[0]
    rows = lake.table("media.t").scan().to_arrow().to_pylist()
    assert collections.Counter((r["id"], r["v"]) for r in rows) == collections.Counter(
        [(0, 0)] + [(n, t) for n in (1, 2, 3) for t in range(4)])


def test_lost_answers_cost_no_row_and_repeat_none(tmp_path, server):
    proxy = cloud.LosingProxy(server.url, lambda what: what.startswith(("PUT", "DELETE")))
    lake = CloudLake(tmp_path / "lake", server, url=proxy.url)
    (lake.folder / "rows.csv").write_text("id\n" + "".join(f"{n}\n" for n in range(1000)))
    lake.must("load", "media.t", "rows.csv")
    lake.must("load", "media.t", "rows.csv")
    lake.must("query", "--write", "DELETE FROM media.t WHERE id < 10")
    assert len(proxy.lost) >= 6, proxy.lost
    ids = sorted(lake.table("media.t").scan().to_arrow()["id"].to_pylist())
    assert ids == sorted([n for n in range(10, 1000)] * 2)
    proxy.stop()


def test_a_second_read_comes_from_the_cache(lake):
    (lake.folder / "rows.csv").write_text("id,text\n" + "".join(f"{n},{'x' * 50}{n}\n" for n in range(20000)))
    lake.must("load", "media.t", "rows.csv")
    sql = "SELECT SUM(id) AS s, COUNT(DISTINCT text) AS n FROM media.t"
    first = lake.query(sql)
    assert first == [{"s": 199990000, "n": 20000}]
    asked = []
    proxy = cloud.LosingProxy(lake.server.url, lambda what: asked.append(what) or False)
    config = lake.folder / "daypart.toml"
    config.write_text(config.read_text().replace(lake.server.url, proxy.url))
    assert lake.query(sql) == first
    assert not [what for what in asked if what.startswith("GET") and "/media/t/" in what], asked
    assert all(os.stat(lake.folder / ".daypart-cache").st_mode & 0o077 == 0 for _ in [0])
    for path in (lake.folder / ".daypart-cache").iterdir():
        path.write_bytes(b"")  # a cache that a full disk damaged is passed over
    assert lake.query(sql) == first
    assert [what for what in asked if what.startswith("GET") and "/media/t/" in what]
    proxy.stop()


def test_a_killed_upload_goes_on(lake):
    random.seed(5)
    path = lake.folder / "large.csv"
    path.write_bytes(b"id\n" + random.randbytes(100 << 20).translate(bytes(48 + n % 10 for n in range(256))))
    slow = cloud.LosingProxy(lake.server.url, lambda what: time.sleep(0.3 if "partNumber" in what else 0) or False)
    config = lake.folder / "daypart.toml"
    config.write_text(config.read_text().replace(lake.server.url, slow.url))
    process = subprocess.Popen([lake.binary, "upload", "large.csv", f"s3://{lake.bucket}/raw/"], cwd=lake.folder,
                               env=cloud.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        uploads = lake.s3.list_multipart_uploads(Bucket=lake.bucket).get("Uploads", [])
        parts = lake.s3.list_parts(Bucket=lake.bucket, Key=uploads[0]["Key"], UploadId=uploads[0]["UploadId"]
                                   ).get("Parts", []) if uploads else []
        if {part["PartNumber"] for part in parts} >= {1, 2}:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    slow.stop()
    config.write_text(config.read_text().replace(slow.url, lake.server.url))
    assert "raw/large.csv" not in lake.objects()
    done = json.loads(lake.must("--json", "upload", "large.csv", f"s3://{lake.bucket}/raw/"))
    assert 0 < done["copied_bytes"] < path.stat().st_size
    assert lake.s3.get_object(Bucket=lake.bucket, Key="raw/large.csv")["Body"].read() == path.read_bytes()
    assert not lake.s3.list_multipart_uploads(Bucket=lake.bucket).get("Uploads")


def test_a_bucket_that_is_not_there_is_told(tmp_path, server):
    done = subprocess.run(
        [os.environ.get("DAYPART", str(cloud.ROOT / "build" / "daypart")), "init", ".", "--warehouse",
         "s3://no-such-bucket/demo", "--endpoint", server.url],
        cwd=tmp_path, env=cloud.environment(), capture_output=True, text=True)
    assert done.returncode == 1 and "no-such-bucket" in done.stderr and "NoSuchBucket" in done.stderr
    assert not (tmp_path / "daypart.toml").exists()


def test_a_wrong_secret_is_refused_and_changes_nothing(lake):
    if "moto" in str(lake.server.log.name):
        pytest.skip("moto takes any secret")
    (lake.folder / "rows.csv").write_text("id\n1\n")
    lake.must("load", "media.t", "rows.csv")
    before = lake.objects()
    location = json.loads(lake.must("--json", "describe", "media.t"))["metadata_location"]
    wrong = cloud.environment("not-the-secret")
    for command in (["load", "media.t", "rows.csv"], ["load", "media.new", "rows.csv"], ["upload", "rows.csv", "raw/"],
                    ["query", "--write", "DELETE FROM media.t"]):
        done = lake.run(*command, env=wrong)
        assert done.returncode == 1, done.stdout
        assert "SignatureDoesNotMatch" in done.stderr and "AWS_SECRET_ACCESS_KEY" in done.stderr
        assert cloud.SECRET not in done.stderr and "not-the-secret" not in done.stderr
    assert lake.objects() == before
    assert json.loads(lake.must("--json", "describe", "media.t"))["metadata_location"] == location
    assert lake.query("SELECT id FROM media.t") == [{"id": 1}]
    other = lake.folder / "other"
    done = lake.run("init", other, *lake.options, env=wrong)
    assert done.returncode == 1 and "SignatureDoesNotMatch" in done.stderr
    assert not (other / "daypart.toml").exists()
