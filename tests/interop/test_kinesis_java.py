# SPDX-License-Identifier: Apache-2.0
"""The Kinesis API by the AWS SDK for Java, which Spark's and Flink's connectors use: CBOR, HTTP/1.1 and HTTP/2.

The client is tests/interop/java/KinesisSdk.java; what it prints is compared here. tools/setup.sh installs the SDK
in .deps/aws-sdk-java (deps.lock has the version).
"""

import os
import pathlib
import subprocess

from serving import Served

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_sdk_for_java_works_by_its_endpoint(lake):
    jars = pathlib.Path(os.environ.get("DAYPART_DEPS_DIR", ROOT / ".deps")) / "aws-sdk-java"
    assert jars.is_dir(), f"expected the AWS SDK for Java in {jars}, found none; run tools/setup.sh"
    environment = dict(os.environ, AWS_ACCESS_KEY_ID="daypart", AWS_SECRET_ACCESS_KEY="daypart")
    with Served(lake, environment=environment) as server:
        done = subprocess.run(
            ["java", "-cp", f"{jars}/*", str(ROOT / "tests" / "interop" / "java" / "KinesisSdk.java"), server.url],
            capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-3000:]
        assert server.metric("daypart_http2_connections_total") >= 1
        assert server.stop() == 0
    read = ["last=event-199 ключ199", "arrived=true", "behind=0"]
    assert done.stdout.splitlines() == [
        "status=ACTIVE", "created=true", "failed=0", "TRIM_HORIZON=200", *read, "AT_TIMESTAMP=200", *read,
        "refused=InvalidArgumentException", "unknown=ResourceNotFoundException", "async failed=0", "consumer=ACTIVE",
        "subscribed=2200 2200", "children=[shardId-000000000001, shardId-000000000002]",
        "async refused=ValidationException"]
