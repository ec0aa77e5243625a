# SPDX-License-Identifier: Apache-2.0
"""Where services are asked is where botocore asks them, with the same environment and the same ~/.aws/config.

`daypart doctor` tells the endpoints before it looks for credentials; there are none here, so that it calls nobody.
botocore is stopped before it sends.
"""

import itertools
import json
import os
import random
import subprocess

import botocore.config
import botocore.exceptions
import botocore.session

import cloud

BINARY = os.environ.get("DAYPART", str(cloud.ROOT / "build" / "daypart"))
SERVICES = {"sts": lambda c: c.get_caller_identity(), "s3": lambda c: c.list_objects_v2(Bucket="lake"),
            "glue": lambda c: c.get_databases(), "athena": lambda c: c.list_work_groups(),
            "kinesis": lambda c: c.list_streams()}
REGIONS = ["us-east-1", "eu-central-1", "us-gov-west-1", "us-gov-east-1", "cn-north-1", "eusc-de-east-1",
           "us-iso-east-1", "us-isob-east-1"]
LAKE = """[store]
location = "s3://lake/demo"
[catalog]
kind = "glue"
[athena]
workgroup = "primary"
[stream.clicks]
source = "kinesis:clicks"
"""
PROFILES = """[default]
region = ap-southeast-2
[profile plain]
endpoint_url = http://127.0.0.1:1/profile
[profile services]
services = two
endpoint_url = http://127.0.0.1:1/profile
[profile secure]
use_fips_endpoint = true
[profile both]
use_dualstack_endpoint = True
services = two
[profile ignoring]
ignore_configured_endpoint_urls = true
endpoint_url = http://127.0.0.1:1/profile
[profile broken]
services = none
[services two]
s3 =
  endpoint_url = http://127.0.0.1:1/s3-of-profile
kinesis =
  # as LocalStack has it
  endpoint_url = http://127.0.0.1:1/kinesis-of-profile
"""


class Stopped(Exception):
    pass


def asked_by_botocore(service, region):
    """URL of the service's root, or None where botocore refuses the settings."""
    session = botocore.session.Session()
    found = []

    def stop(request, **_):
        found.append(request.url)
        raise Stopped

    try:
        client = session.create_client(
            service, region_name=region, aws_access_key_id="a", aws_secret_access_key="b",
            config=botocore.config.Config(s3={"addressing_style": "path", "us_east_1_regional_endpoint": "regional"},
                                          retries={"max_attempts": 0}))
        client.meta.events.register("before-send", stop)
        SERVICES[service](client)
    except Stopped:
        pass
    except (botocore.exceptions.EndpointProviderError, botocore.exceptions.InvalidConfigError,
            botocore.exceptions.UnknownServiceError, botocore.exceptions.UnknownEndpointError, ValueError):
        return None
    url = found[0].split("?")[0].rstrip("/")
    return url.removesuffix("/lake") if service == "s3" else url


def told_by_doctor(folder, env):
    done = subprocess.run([BINARY, "--json", "doctor"], cwd=folder, env=env, text=True, capture_output=True, timeout=60)
    told = {check["check"] + " " + check["service"]: check for check in json.loads(done.stdout)["checks"]}
    return {service: told[f"endpoint {service}"]["found"] if told[f"endpoint {service}"]["outcome"] == "ok" else None
            for service in SERVICES}


def settings():
    """Environments: all regions with FIPS and dual stack, every profile, and seeded mixtures of all that there is."""
    for region, fips, dual in itertools.product(REGIONS, ("true", "false"), ("TRUE", None)):
        yield {"AWS_REGION": region, "AWS_USE_FIPS_ENDPOINT": fips} | (
            {"AWS_USE_DUALSTACK_ENDPOINT": dual} if dual else {})
    for profile in ("plain", "services", "secure", "both", "ignoring", "broken"):
        yield {"AWS_REGION": "eu-west-1", "AWS_PROFILE": profile}
    draw = random.Random(6)
    choices = {"AWS_ENDPOINT_URL": ["http://127.0.0.1:2", "http://127.0.0.1:2/base/"],
               "AWS_ENDPOINT_URL_S3": ["http://127.0.0.1:3"], "AWS_ENDPOINT_URL_GLUE": ["http://127.0.0.1:4/g"],
               "AWS_ENDPOINT_URL_STS": ["http://127.0.0.1:5"], "AWS_ENDPOINT_URL_ATHENA": ["", "http://127.0.0.1:6"],
               "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": ["true", "false"], "AWS_USE_FIPS_ENDPOINT": ["true", "false"],
               "AWS_USE_DUALSTACK_ENDPOINT": ["true", "false"],
               "AWS_PROFILE": ["plain", "services", "secure", "both", "ignoring"]}
    for _ in range(40):
        yield {"AWS_REGION": draw.choice(REGIONS)} | {
            name: draw.choice(values) for name, values in choices.items() if draw.random() < 0.4}


def test_each_service_is_asked_where_botocore_asks_it(tmp_path, monkeypatch):
    (tmp_path / "daypart.toml").write_text(LAKE)
    (tmp_path / "config").write_text(PROFILES)
    base = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # Nobody is to be asked: the clock is looked up through a proxy that is not there.
    base |= {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
             "AWS_EC2_METADATA_DISABLED": "true", "https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    refused = asked = 0
    for given in settings():
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in ({name: base[name] for name in base if name.startswith("AWS_")} | given).items():
            monkeypatch.setenv(name, value)
        theirs = {service: asked_by_botocore(service, given["AWS_REGION"]) for service in SERVICES}
        ours = told_by_doctor(tmp_path, base | given)
        assert ours == theirs, given
        refused += list(ours.values()).count(None)
        asked += len(ours)
    assert asked > 350 and 5 < refused < 60


def test_daypart_toml_goes_before_the_environment(tmp_path):
    (tmp_path / "daypart.toml").write_text(LAKE + '[kinesis]\nendpoint = "http://127.0.0.1:7"\n')
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {"HOME": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false", "AWS_REGION": "eu-west-1"}
    told = told_by_doctor(tmp_path, env)
    assert told["kinesis"] == "http://127.0.0.1:7" and told["glue"] == "http://127.0.0.1:9"
