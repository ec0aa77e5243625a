# SPDX-License-Identifier: Apache-2.0
"""README's "aws profile": its commands as they stand there, one after the other, against moto."""

import os
import re
import subprocess
import sys

import cloud

BINARY = os.environ.get("DAYPART", str(cloud.ROOT / "build" / "daypart"))


def test_the_commands_of_the_readme(tmp_path):
    section = (cloud.ROOT / "README.md").read_text().split("## The aws profile")[1].split("\n## ")[0]
    commands = [line.split("#")[0].strip() for line in re.findall(r"^    (\S.*)$", section, re.M)]
    assert len(commands) >= 10 and commands[0].startswith("aws s3 mb") and all(commands)
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name, command in (("aws", f"{sys.executable} -m awscli"), ("daypart", BINARY)):
        (binaries / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (binaries / name).chmod(0o755)
    server = cloud.start_moto(tmp_path)
    env = cloud.environment(AWS_ENDPOINT_URL=server.url, PATH=f"{binaries}:{os.environ['PATH']}")
    script = "set -e\n" + "\n".join(commands).replace("--events 1000000", "--events 20000")
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=env, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    table = server.glue_catalog().load_table("media.viewership")
    rows = table.scan().to_arrow().num_rows
    server.stop()
    assert rows > 20000
    assert "channel_name" in done.stdout and "scanned" in done.stderr
    assert len(list((tmp_path / "demo" / "iam").iterdir())) == 10
