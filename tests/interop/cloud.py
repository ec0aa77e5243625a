# SPDX-License-Identifier: Apache-2.0
"""Servers of AWS's APIs on loopback for tests: moto (S3, Glue), versitygw (S3 that checks signatures),
kinesis-local (Kinesis with the service's own sequence numbers, closed shards and shard lineage), and a proxy that loses answers. Each is stopped by its own process id."""

import http.client
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

import boto3
from botocore.config import Config
from pyiceberg.catalog import load_catalog

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY, SECRET, REGION = "DAYPARTTESTKEY", "daypart-test-secret", "us-east-1"
KINESIS_LOCAL = ROOT / ".deps" / "kinesis-local" / "main.js"
VERSITYGW = ROOT / ".deps" / "go" / "versitygw"


def environment(secret=SECRET, **more):
    """The process's environment with these credentials and without any that came along."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": REGION,
                   "AWS_EC2_METADATA_DISABLED": "true"} | more


def credential_process(folder):
    """The settings of AWS's tools by which keys come from a program, with a session token that is another one each
    time: token-1, token-2. Each time is a line in `folder`/calls."""
    process = folder / "keys.sh"
    process.write_text(f'''#!/bin/sh
echo x >> {folder}/calls
n=$(wc -l < {folder}/calls)
echo '{{"Version": 1, "AccessKeyId": "{KEY}", "SecretAccessKey": "{SECRET}", "SessionToken": "token-'$n'"}}'
''')
    process.chmod(0o755)
    (folder / "config").write_text(f"[default]\nregion = {REGION}\ncredential_process = {process}\n")
    return {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


def records_of(kinesis, stream):
    """All that a stream of the boto3 client `kinesis` holds, shard by shard."""
    records = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"],
                                              ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator)
            records += answer["Records"]
            iterator = answer.get("NextShardIterator")
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
    return records


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A program that listens on a port of its own."""

    def __init__(self, command, port, log, **options):
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(log, "w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, **options)
        end = time.monotonic() + 60
        while True:
            assert self.process.poll() is None and time.monotonic() < end, pathlib.Path(log).read_text()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def client(self, service):
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=KEY,
                            aws_secret_access_key=SECRET, config=Config(s3={"addressing_style": "path"}))

    def glue_catalog(self):
        """PyIceberg's own client of Glue and S3."""
        return load_catalog("glue", type="glue", **{
            "glue.endpoint": self.url, "glue.region": REGION, "glue.access-key-id": KEY,
            "glue.secret-access-key": SECRET, **self.file_properties()})

    def file_properties(self):
        return {"s3.endpoint": self.url, "s3.access-key-id": KEY, "s3.secret-access-key": SECRET,
                "s3.region": REGION}


def start_moto(folder):
    port = free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    return Server(command, port, folder / "moto.log", env=environment())


MINISTACK = ROOT / ".deps" / "ministack"


def start_ministack(folder):
    """S3 and a Glue that refuses a stale VersionId."""
    port = free_port()
    command = [sys.executable, "-c", "from ministack.app import main; main()"]
    kept = environment(BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), PYTHONPATH=str(MINISTACK), PYTHONNOUSERSITE="1")
    return Server(command, port, folder / "ministack.log", env=kept, cwd=folder)


def start_versitygw(folder):
    port = free_port()
    objects = folder / "objects"
    objects.mkdir()
    # S3 keeps connections; versitygw by itself ends each after one answer.
    command = [str(VERSITYGW), "--access", KEY, "--secret", SECRET, "--port", f"127.0.0.1:{port}", "--keep-alive",
               "posix", str(objects)]
    return Server(command, port, folder / "versitygw.log", env=environment())


def start_kinesis_local(folder):
    """It would listen on all interfaces; loopback.js keeps it from that."""
    port = free_port()
    own = {"KINESIS_MOCK_PLAIN_PORT": str(port), "KINESIS_MOCK_TLS_PORT": str(free_port()), "LOG_LEVEL": "ERROR",
           "SHARD_LIMIT": "100"}
    own |= {f"{what}_DURATION": "20ms" for what in ("CREATE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS")}
    command = ["node", "--require", str(ROOT / "tests" / "interop" / "loopback.js"), str(KINESIS_LOCAL)]
    return Server(command, port, folder / "kinesis-local.log", cwd=KINESIS_LOCAL.parent, env=environment(**own))


def has_versitygw():
    return VERSITYGW.exists() and shutil.which(str(VERSITYGW)) is not None


class LosingProxy:
    """Passes requests on; of each that `loses` names, the first answer is lost after it was carried
    out, as when a connection breaks."""

    def __init__(self, url, loses):
        proxy = self
        self.lost = []
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                if self.headers.get("Expect", "").lower() == "100-continue":
                    self.send_response_only(100)
                    self.end_headers()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("expect", "connection"):
                        connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
                what = f"{self.command} {self.headers.get('X-Amz-Target') or self.path}"
                with proxy.lock:
                    is_lost = loses(what) and what not in proxy.lost and answer.status < 300
                    if is_lost:
                        proxy.lost.append(what)
                if is_lost:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                if self.command == "HEAD":
                    self.send_header("Content-Length", answer.headers.get("Content-Length", "0"))
                elif answer.status != 204:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
