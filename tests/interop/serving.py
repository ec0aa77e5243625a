# SPDX-License-Identifier: Apache-2.0
"""A running `daypart serve` for tests: started on a free port, stopped by its own process id."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request


class Served:
    def __init__(self, lake, *arguments, environment=None):
        self.log = open(lake.folder / "serve.log", "a+")
        self.process = subprocess.Popen(
            [lake.binary, "--log-level", "info", "serve", "--port", "0", *arguments],
            cwd=lake.folder, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line + self.told()
        self.url = line.split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def told(self):
        self.log.flush()
        with open(self.log.name) as file:
            return file.read()

    def ask(self, path, body=None, method=None, **headers):
        """Status, headers and body of one request."""
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(
            self.url + path, data=data, method=method,
            headers={name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def query(self, sql):
        status, _, body = self.ask("/query", sql)
        assert status == 200, body
        return json.loads(body)

    def metric(self, sample):
        """The value of a sample such as name{label="x"}; 0 if it is not there."""
        for line in self.ask("/metrics")[2].decode().splitlines():
            if line.startswith(sample + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(timeout=30)


def wait_until(is_so, seconds=30.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.05)
    return False
