# SPDX-License-Identifier: Apache-2.0
"""The catalog in AWS Glue (moto's server), the lake on S3: the main job, PyIceberg's GlueCatalog on the
same tables, stale commits, lost answers, the crawled tables as boto3 sees them."""

import json
import threading

import pyarrow
import pytest

import cloud
import faults
from test_s3 import CloudLake, run_main_job


class GlueLake(CloudLake):
    def __init__(self, folder, server, url=None):
        super().__init__(folder, server, "--glue", url=url)

    def more(self):
        # The endpoint of Glue comes as for every SDK.
        return {"AWS_ENDPOINT_URL_GLUE": self.options[3]}

    def table(self, name):
        return self.server.glue_catalog().load_table(name)


@pytest.fixture
def server(tmp_path):
    started = cloud.start_moto(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def lake(tmp_path, server):
    return GlueLake(tmp_path / "lake", server)


def test_the_main_job(lake, server):
    run_main_job(lake)
    assert not (lake.folder / "lake" / "catalog.db").exists()
    glue = server.client("glue")
    table = glue.get_table(DatabaseName="media", Name="viewership")["Table"]
    assert table["TableType"] == "EXTERNAL_TABLE" and table["Parameters"]["table_type"] == "ICEBERG"
    columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    assert columns["watch_seconds"] in ("int", "bigint") and columns["event_time"] == "timestamp"
    told = json.loads(lake.must("--json", "describe", "media.viewership"))
    assert table["Parameters"]["metadata_location"] == told["metadata_location"]
    raw = glue.get_table(DatabaseName="media_raw", Name="viewership_logs")["Table"]
    assert raw["StorageDescriptor"]["Location"].startswith(f"s3://{lake.bucket}/demo/raw/")
    assert raw["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("OpenCSVSerde")
    history = glue.get_table(DatabaseName="media_raw", Name="historical_data")["Table"]
    keys = [key["Name"] for key in history["PartitionKeys"]]
    partitions = glue.get_partitions(DatabaseName="media_raw", TableName="historical_data")["Partitions"]
    assert keys and len(partitions) >= 2
    assert all(len(p["Values"]) == len(keys) and p["StorageDescriptor"]["Location"].startswith("s3://")
               for p in partitions)


def test_pyiceberg_appends_to_the_same_table(lake, server):
    (lake.folder / "rows.csv").write_text("id,name\n1,one\n2,two\n")
    lake.must("load", "media.t", "rows.csv")
    theirs = server.glue_catalog().load_table("media.t")
    schema = theirs.schema().as_arrow()
    theirs.append(pyarrow.table({"id": [3], "name": ["three"]}).cast(schema))
    lake.must("load", "media.t", "rows.csv")
    lake.must("query", "--write", "DELETE FROM media.t WHERE id = 2")
    theirs.refresh()
    theirs.append(pyarrow.table({"id": [4], "name": ["four"]}).cast(schema))
    ids = [row["id"] for row in lake.query("SELECT id FROM media.t ORDER BY id")]
    assert ids == [1, 1, 3, 4]
    theirs.refresh()
    assert sorted(theirs.scan().to_arrow()["id"].to_pylist()) == ids
    made = server.glue_catalog().create_table("media.made", schema=schema,
                                              location=f"s3://{lake.bucket}/demo/media/made")
    made.append(pyarrow.table({"id": [7], "name": ["seven"]}).cast(schema))
    lake.must("load", "media.made", "rows.csv")
    assert lake.query("SELECT SUM(id) AS s FROM media.made") == [{"s": 10}]
    assert server.glue_catalog().load_table("media.made").scan().to_arrow().num_rows == 3


def test_a_lost_answer_of_glue_is_looked_up(tmp_path, server):
    proxy = cloud.LosingProxy(server.url, lambda what: "AWSGlue.UpdateTable" in what or "CreateTable" in what)
    lake = GlueLake(tmp_path / "lost", server, url=proxy.url)
    (lake.folder / "rows.csv").write_text("id\n1\n")
    lake.must("load", "media.t", "rows.csv")
    lake.must("load", "media.t", "rows.csv")
    assert sorted(proxy.lost) == ["POST AWSGlue.CreateTable", "POST AWSGlue.UpdateTable"]
    assert lake.table("media.t").scan().to_arrow()["id"].to_pylist() == [1, 1]
    proxy.stop()


@pytest.mark.skipif(not cloud.MINISTACK.exists(), reason="tools/setup.sh installs ministack")
def test_writers_at_once_lose_no_commit(tmp_path):
    """moto takes a stale VersionId; this server refuses it, as Glue does."""
    started = cloud.start_ministack(tmp_path)
    refused = []

    def watch(call):
        if call.target == "AWSGlue.UpdateTable":
            refused.append(call)

    proxy = faults.FaultProxy(started.url, watch)
    lake = GlueLake(tmp_path / "lake", started, url=proxy.url)
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
    proxy.stop()
    assert not failures, failures[0]
    found = lake.table("media.t").scan().to_arrow().to_pylist()
    started.stop()
    assert sorted((r["id"], r["v"]) for r in found) == sorted([(0, 0)] + [(n, t) for n in (1, 2, 3) for t in range(4)])
    assert all("VersionId" in json.loads(call.body) for call in refused)
    # The race was one: some commits came second.
    assert any(call.status == 400 for call in refused), len(refused)
