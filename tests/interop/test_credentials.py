# SPDX-License-Identifier: Apache-2.0
"""Roles by moto's STS, with its check of signatures and policies switched on: what the chain of credentials assumes is
what calls are signed with, and nothing secret is in any output, however much is logged."""

import calendar
import hashlib
import http.server
import json
import threading
import time
import urllib.request

import pytest

import cloud

CONFIG = """
[profile base]
aws_access_key_id = {key}
aws_secret_access_key = {secret}
[profile middle]
role_arn = arn:aws:iam::123456789012:role/middle
source_profile = base
external_id = e-17
[profile writer]
role_arn = arn:aws:iam::123456789012:role/writer
source_profile = middle
duration_seconds = 900
[profile stranger]
role_arn = arn:aws:iam::123456789012:role/stranger
source_profile = base
[profile forged]
role_arn = arn:aws:iam::123456789012:role/writer
source_profile = forged-base
[profile forged-base]
aws_access_key_id = {key}
aws_secret_access_key = not-the-secret-of-anybody
[profile code]
role_arn = arn:aws:iam::123456789012:role/writer
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/me
"""


def policy(*actions):
    return json.dumps({"Version": "2012-10-17",
                       "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})


@pytest.fixture
def account(lake, tmp_path):
    """A user who may assume roles, and a stream that the role `writer` alone may use."""
    server = cloud.start_moto(tmp_path)
    server.client("kinesis").create_stream(StreamName="clicks", ShardCount=1)
    iam = server.client("iam")
    iam.create_user(UserName="me")
    iam.put_user_policy(UserName="me", PolicyName="p", PolicyDocument=policy("sts:AssumeRole"))
    for role, actions in (("middle", ["sts:AssumeRole"]), ("writer", ["kinesis:*"]), ("stranger", ["s3:*"])):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
        iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(*actions))
    key = iam.create_access_key(UserName="me")["AccessKey"]
    (tmp_path / "config").write_text(CONFIG.format(key=key["AccessKeyId"], secret=key["SecretAccessKey"]))
    (tmp_path / "events.jsonl").write_text('{"event_id": "one", "viewer_id": 1}\n')
    urllib.request.urlopen(urllib.request.Request(server.url + "/moto-api/reset-auth", b"0",
                                                  {"Content-Type": "text/plain"})).close()
    server.secret = key["SecretAccessKey"]
    yield server
    server.stop()


def environment(lake, url, **more):
    kept = cloud.environment(AWS_CONFIG_FILE=str(lake.folder / "config"), AWS_ENDPOINT_URL=url,
                             AWS_SHARED_CREDENTIALS_FILE=str(lake.folder / "none"), **more)
    return {name: value for name, value in kept.items() if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


def send(lake, url, profile):
    return lake.run("--log-level", "debug", "send", "events.jsonl", "--stream", "clicks", "--aws",
                    env=environment(lake, url, AWS_PROFILE=profile))


def test_roles_of_roles_sign_and_others_are_refused(lake, account):
    done = send(lake, account.url, "writer")
    assert done.returncode == 0, done.stderr
    read = lake.run("--log-level", "debug", "--json", "stream", "clicks", "--until-idle", "--from", "kinesis:clicks",
                    env=environment(lake, account.url, AWS_PROFILE="writer"))
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["sinks"][0]["rows"] == 1
    refused = send(lake, account.url, "stranger")
    assert refused.returncode == 1 and "AccessDenied" in refused.stderr
    assert "not authorized to perform: kinesis:PutRecords" in refused.stderr
    base = send(lake, account.url, "base")
    assert base.returncode == 1 and "kinesis:PutRecords" in base.stderr
    forged = send(lake, account.url, "forged")
    assert forged.returncode == 1 and "sts:AssumeRole" in forged.stderr
    assert "secret access key does not belong" in forged.stderr
    code = send(lake, account.url, "code")
    assert code.returncode == 1 and "mfa_serial" in code.stderr
    for output in (done, read, refused, base, forged, code):
        text = output.stdout + output.stderr
        assert account.secret not in text and "not-the-secret-of-anybody" not in text


class Sts:
    """Scripted answers of STS: each role's keys are valid for so many seconds; counts what was asked."""

    def __init__(self, lives):
        sts = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                sts.asked.append((self.headers, self.rfile.read(int(self.headers["Content-Length"])).decode()))
                ends = lives.pop(0) if len(lives) > 1 else lives[0]
                name = "AssumeRoleWithWebIdentity"
                body = (f"<{name}Response><{name}Result><Credentials><AccessKeyId>ASIA{len(sts.asked)}</AccessKeyId>"
                        f"<SecretAccessKey>hush-key-{len(sts.asked)}</SecretAccessKey><SessionToken>hush-session"
                        f"</SessionToken><Expiration>{ends}</Expiration></Credentials></{name}Result></{name}Response>")
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_web_identity_is_renewed_before_it_ends_and_stays_secret(lake, tmp_path):
    kinesis = cloud.start_moto(tmp_path)
    # The first keys are no longer good when they come: they are not taken for good.
    sts = Sts(["2000-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
    try:
        kinesis.client("kinesis").create_stream(StreamName="clicks", ShardCount=1)
        (lake.folder / "token").write_text("hush.web.identity\n")
        (lake.folder / "events.jsonl").write_text("".join(f'{{"event_id": {n}, "viewer_id": 1}}\n' for n in range(5)))
        done = lake.run("--log-level", "debug", "send", "events.jsonl", "--stream", "clicks", "--aws",
                        env=environment(lake, kinesis.url, AWS_ENDPOINT_URL_STS=sts.url,
                                        AWS_ROLE_ARN="arn:aws:iam::1:role/pod",
                                        AWS_WEB_IDENTITY_TOKEN_FILE=str(lake.folder / "token")))
        assert done.returncode == 0, done.stderr
        assert len(sts.asked) == 2  # and not once a call: there were five
        headers, form = sts.asked[0]
        assert "Authorization" not in headers and "WebIdentityToken=hush.web.identity" in form
        assert "hush" not in done.stdout + done.stderr
    finally:
        sts.server.shutdown()
        sts.server.server_close()
        kinesis.stop()


def test_a_process_gives_keys_and_its_output_is_shown_to_nobody(lake, account):
    (lake.folder / "config").write_text(
        "[default]\ncredential_process = echo '{\"Version\": 1, \"SecretAccessKey\": \"hush-process\"}'\n")
    done = lake.run("--log-level", "debug", "send", "events.jsonl", "--stream", "clicks", "--aws",
                    env=environment(lake, account.url))
    assert done.returncode == 1 and "AccessKeyId and SecretAccessKey is expected" in done.stderr
    assert "hush" not in done.stderr


class SsoServer:
    """IAM Identity Center on loopback: CreateToken takes each refresh token once, the portal gives keys for the newest
    token alone. The newest one lasts 20 minutes, so that it is not renewed again at once."""

    def __init__(self):
        sso = self
        self.refresh, self.token, self.calls = "refresh-0", "token-0", []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def reply(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if not self.path.startswith("/federation/credentials"):
                    return self.reply(404, {})
                sso.calls.append("keys")
                if self.headers["x-amz-sso_bearer_token"] != sso.token:
                    return self.reply(401, {"message": "Session token not found or invalid"})
                return self.reply(200, {"roleCredentials": {
                    "accessKeyId": "ASIASSOKEY", "secretAccessKey": "sso-secret", "sessionToken": "sso-session",
                    "expiration": int((time.time() + 3600) * 1000)}})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
                if self.path != "/token":
                    return self.reply(400, {"__type": "AccessDeniedException"})
                sso.calls.append("token")
                if (body["grantType"], body["refreshToken"]) != ("refresh_token", sso.refresh):
                    return self.reply(400, {"error": "invalid_grant"})
                number = int(sso.refresh[-1]) + 1
                sso.refresh, sso.token = f"refresh-{number}", f"token-{number}"
                return self.reply(200, {"accessToken": sso.token, "refreshToken": sso.refresh, "expiresIn": 1200,
                                        "tokenType": "Bearer"})

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_an_sso_session_goes_on_by_its_refresh_token(lake, tmp_path):
    sso = SsoServer()
    home = tmp_path / "home"
    cache = home / ".aws" / "sso" / "cache" / (hashlib.sha1(b"work").hexdigest() + ".json")
    cache.parent.mkdir(parents=True)
    (home / ".aws" / "config").write_text(
        "[default]\nsso_session = work\nsso_account_id = 17\nsso_role_name = Reader\n"
        "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://x.example/start\n")
    kept = {"startUrl": "https://x.example/start", "region": "eu-west-1", "accessToken": "token-0",
            "expiresAt": "2020-01-01T00:00:00Z", "clientId": "client", "clientSecret": "client-secret",
            "registrationExpiresAt": "2099-01-01T00:00:00Z", "refreshToken": "refresh-0"}
    cache.write_text(json.dumps(kept))
    cache.chmod(0o644)
    with open(lake.folder / "daypart.toml", "a", encoding="utf-8") as config:
        config.write(f'[kinesis]\nendpoint = "{sso.url}"\n[stream.clicks]\nsource = "kinesis:clicks"\n')
    environment = {name: value for name, value in cloud.environment().items() if not name.startswith("AWS_")}
    environment |= {"HOME": str(home), "AWS_ENDPOINT_URL_SSO": sso.url, "AWS_ENDPOINT_URL_SSO_OIDC": sso.url,
                    "AWS_ENDPOINT_URL_STS": sso.url, "AWS_EC2_METADATA_DISABLED": "true"}

    def found():
        done = lake.run("--log-level", "debug", "--json", "doctor", env=environment)
        text = done.stdout + done.stderr
        for secret in ("token-", "refresh-", "client-secret", "sso-secret", "sso-session"):
            assert secret not in text.replace("[sso-session", ""), text
        [check] = [c for c in json.loads(done.stdout)["checks"] if c["service"] == "credentials"]
        return check

    try:
        assert "SSO" in found()["found"] and sso.calls == ["token", "keys"]
        now = json.loads(cache.read_text())
        assert now["accessToken"] == "token-1" and now["refreshToken"] == "refresh-1"
        assert {key: now[key] for key in kept if key[-5:] not in ("Token", "resAt")} == {
            key: kept[key] for key in kept if key[-5:] not in ("Token", "resAt")}
        assert cache.stat().st_mode & 0o777 == 0o600 and len(list(cache.parent.iterdir())) == 1
        ends = time.strptime(now["expiresAt"], "%Y-%m-%dT%H:%M:%SZ")
        assert 1100 < calendar.timegm(ends) - time.time() < 1300
        # It lasts: the next command asks for keys alone.
        assert found()["outcome"] == "ok" and sso.calls == ["token", "keys", "keys"]
        # A refresh token that another program used up ends the session, with what to do.
        cache.write_text(json.dumps(now | {"refreshToken": "refresh-0", "expiresAt": "2020-01-01T00:00:00Z"}))
        assert "aws sso login" in found()["found"]
    finally:
        sso.stop()
