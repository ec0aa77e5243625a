# SPDX-License-Identifier: Apache-2.0
"""A lake in a temporary folder, the daypart binary, and readers that know nothing of Daypart."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from spark import Spark

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "interop"))  # test modules there also hold readers for others


class Lake:
    def __init__(self, folder, start_spark=None):
        self.folder = pathlib.Path(folder)
        self.start_spark = start_spark
        self.spark_lake = None
        self.binary = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
        assert self.run("init", ".").returncode == 0

    def run(self, *arguments, **options):
        return subprocess.run([self.binary, *map(str, arguments)], cwd=self.folder, text=True,
                              capture_output=True, timeout=120, **options)

    def must(self, *arguments):
        result = self.run(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def must_bytes(self, *arguments):
        """What a command prints that is not text, such as --format arrow."""
        result = subprocess.run([self.binary, *map(str, arguments)], cwd=self.folder,
                                capture_output=True, timeout=120)
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout

    def load(self, table, text, *options, name="rows.csv"):
        (self.folder / name).write_text(text)
        return self.run("--json", "load", table, name, *options)

    def query(self, sql):
        return json.loads(self.must("query", sql, "--format", "json"))

    def catalog(self):
        return SqlCatalog("daypart", uri=f"sqlite:///{self.folder}/lake/catalog.db",
                          warehouse=f"file://{self.folder}/lake")

    def metadata_location(self, table):
        return json.loads(self.must("--json", "describe", table))["metadata_location"]

    @property
    def spark(self):
        """Spark on this lake (tests/spark.py): lake.spark.sql(text), lake.spark.rows(table)."""
        if self.spark_lake is None:
            self.spark_lake = self.start_spark().lake(self.folder)
        return self.spark_lake


@pytest.fixture(scope="session")
def spark():
    """The one JVM of a run; started by the first test that asks for it or for lake.spark."""
    started = Spark()
    yield started
    started.stop()


@pytest.fixture
def lake(tmp_path, request):
    return Lake(tmp_path, lambda: request.getfixturevalue("spark"))
