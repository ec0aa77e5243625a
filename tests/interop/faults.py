# SPDX-License-Identifier: Apache-2.0
"""Trouble on purpose, on loopback: a proxy that answers instead of the server, loses or cuts answers,
waits, and writes down what it passed on; and a service whose answers a test scripts."""

import dataclasses
import http.client
import http.server
import json
import socket
import threading
import time
import urllib.parse


@dataclasses.dataclass
class Call:
    """A request as it came by. `count`: how many of the same name came before it."""
    method: str
    path: str
    query: dict
    target: str
    headers: dict
    body: bytes
    name: str
    count: int = 0
    status: int = 0
    authorization: str = ""


@dataclasses.dataclass
class Answer:
    """This answer, and the server never sees the request."""
    status: int
    body: str = ""
    headers: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Lose:
    """The request is carried out, its answer never comes."""


@dataclasses.dataclass
class Mask:
    """The request is carried out, but this is what comes back."""
    answer: Answer


@dataclasses.dataclass
class Cut:
    """The answer ends after so many bytes of its body, as when a connection is reset."""
    after_bytes: int


@dataclasses.dataclass
class Hang:
    """Nothing comes for so long, then the connection breaks; the server never sees the request."""
    seconds: float


def s3_error(status, code, message="made up by the test"):
    return Answer(status, f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>',
                  {"Content-Type": "application/xml"})


def json_error(status, code, message="made up by the test"):
    return Answer(status, json.dumps({"__type": code, "message": message}),
                  {"Content-Type": "application/x-amz-json-1.1"})


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def read_call(self):
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        target = self.headers.get("X-Amz-Target", "")
        return Call(self.command, urllib.parse.unquote(path),
                    dict(urllib.parse.parse_qsl(query, keep_blank_values=True)), target,
                    {name.lower(): value for name, value in self.headers.items()}, body,
                    f"{self.command} {target or self.path}")

    def break_off(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def send(self, status, headers, body, cut=None):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = dict((name.lower(), value) for name, value in headers).get("content-length", "0")
        if self.command == "HEAD":
            self.send_header("Content-Length", length)
        elif status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.break_off()

    def do_any(self):
        call = self.read_call()
        with self.server.lock:
            call.count = self.server.counts.get(call.name, 0)
            self.server.counts[call.name] = call.count + 1
            self.server.calls.append(call)
        self.handle_call(call)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_any


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.lock = threading.Lock()
        self.counts, self.calls = {}, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def count(self, part):
        """How many calls had this in their name."""
        with self.lock:
            return sum(count for name, count in self.counts.items() if part in name)


class FaultProxy(_Listener):
    """plan(call) tells the fault of a call, or None to pass it on; delay: seconds before each."""

    def __init__(self, url, plan=lambda call: None, delay=0):
        host = url.removeprefix("http://")
        made = []
        self.faults = made

        class Handler(_Handler):
            def handle_call(self, call):
                if delay:
                    time.sleep(delay)
                fault = plan(call)
                if fault is not None:
                    made.append((call.name, fault))
                if isinstance(fault, Hang):
                    time.sleep(fault.seconds)
                    return self.break_off()
                if isinstance(fault, Answer):
                    call.status = fault.status
                    return self.send(fault.status, list(fault.headers.items()), fault.body.encode())
                connection = http.client.HTTPConnection(host, timeout=60)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("expect", "connection"):
                        connection.putheader(name, value)
                connection.endheaders(call.body)
                answer = connection.getresponse()
                body = answer.read()
                connection.close()
                call.status = answer.status
                if isinstance(fault, Lose):
                    return self.break_off()
                if isinstance(fault, Mask):
                    masked = fault.answer
                    return self.send(masked.status, list(masked.headers.items()), masked.body.encode())
                cut = fault.after_bytes if isinstance(fault, Cut) else None
                return self.send(answer.status, answer.headers.items(), body, cut)

        super().__init__(Handler)


class ScriptedService(_Listener):
    """answer(call) gives an Answer, a document (status 200), or Lose to break off."""

    def __init__(self, answer):
        class Handler(_Handler):
            def handle_call(self, call):
                given = answer(call)
                if isinstance(given, (Lose, Hang)):
                    time.sleep(getattr(given, "seconds", 0))
                    return self.break_off()
                if not isinstance(given, Answer):
                    given = Answer(200, json.dumps(given), {"Content-Type": "application/x-amz-json-1.1"})
                return self.send(given.status, list(given.headers.items()), given.body.encode())

        super().__init__(Handler)
