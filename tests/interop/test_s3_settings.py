# SPDX-License-Identifier: Apache-2.0
"""What the settings of [store] put on the wire: encryption, requester pays; and how many calls one after the
other a commit takes, which is what latency costs."""


import pytest

import cloud
import faults
from test_glue import GlueLake
from test_s3 import CloudLake

PART = 16 << 20


@pytest.fixture
def server(tmp_path):
    started = cloud.start_moto(tmp_path)
    yield started
    started.stop()


def with_setting(lake, text):
    config = lake.folder / "daypart.toml"
    config.write_text(config.read_text().replace("[store]", "[store]\n" + text))


def make_files(lake):
    (lake.folder / "rows.csv").write_text("id\n1\n2\n")
    # More than one part, so that it goes up as a multipart upload.
    (lake.folder / "large.csv").write_bytes(b"id\n" + b"12345678901234\n" * (PART // 15 + 1000))


@pytest.mark.parametrize("setting, expected", [
    ('encryption = "AES256"', {"x-amz-server-side-encryption": "AES256"}),
    ('encryption = "aws:kms"', {"x-amz-server-side-encryption": "aws:kms"}),
    ('encryption = "aws:kms"\nkms_key = "alias/lake"', {
        "x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "alias/lake"}),
])
def test_every_new_object_asks_for_encryption(tmp_path, server, setting, expected):
    proxy = faults.FaultProxy(server.url)
    lake = CloudLake(tmp_path / "lake", server, url=proxy.url)
    with_setting(lake, setting)
    make_files(lake)
    proxy.calls.clear()
    lake.must("load", "media.t", "rows.csv")
    lake.must("upload", "large.csv", "raw/")
    makers = [call for call in proxy.calls if (call.method == "PUT" and "partNumber" not in call.query)
              or (call.method == "POST" and "uploads" in call.query)]
    others = [call for call in proxy.calls if call not in makers]
    assert len(makers) >= 5 and any(call.method == "POST" for call in makers)
    for call in makers:
        told = {name: value for name, value in call.headers.items() if "encryption" in name}
        assert told == expected, call.name
    # Parts, reads and listings must not carry it: S3 refuses them then.
    assert not [call.name for call in others if any("encryption" in name for name in call.headers)]
    for key in lake.objects():
        head = lake.s3.head_object(Bucket=lake.bucket, Key=key)
        assert head["ServerSideEncryption"] == expected["x-amz-server-side-encryption"], key
    proxy.stop()


def test_every_call_says_that_the_requester_pays(tmp_path, server):
    proxy = faults.FaultProxy(server.url)
    lake = CloudLake(tmp_path / "lake", server, url=proxy.url)
    with_setting(lake, "requester_pays = true")
    make_files(lake)
    proxy.calls.clear()
    lake.must("load", "media.t", "rows.csv")
    lake.must("upload", "large.csv", "raw/")
    lake.must("query", "SELECT * FROM media.t")
    lake.must("maintain", "media.t", "orphans")
    assert {call.method for call in proxy.calls} >= {"GET", "PUT", "POST"}
    assert not [call.name for call in proxy.calls if call.headers.get("x-amz-request-payer") != "requester"]
    proxy.stop()


@pytest.mark.parametrize("kind, trips", [(CloudLake, 3), (GlueLake, 4)])
def test_a_commit_is_four_round_trips_at_most(tmp_path, server, kind, trips):
    """From the data file on: manifest, list, metadata and, in Glue, the update; none of them at once with another
    here, so that calls are round trips."""
    proxy = faults.FaultProxy(server.url, delay=0.02)
    lake = kind(tmp_path / "lake", server, url=proxy.url)
    make_files(lake)
    lake.must("load", "media.t", "rows.csv")
    lake.must("load", "media.t", "rows.csv")
    proxy.calls.clear()
    lake.must("load", "media.t", "rows.csv")
    names = [call.target or f"{call.method} {call.path}" for call in proxy.calls]
    data = next(i for i, name in enumerate(names) if "/data/" in name)
    # Glue is asked once more for the table that the commit builds on.
    committing = [name for name in names[data + 1:] if name != "AWSGlue.GetTable"]
    assert len(committing) == trips <= 4, names
    assert names[data + 1:].count("AWSGlue.GetTable") <= 1, names
    rows = lake.query("SELECT COUNT(*) AS n FROM media.t")
    assert rows == [{"n": 6}]
    proxy.stop()
