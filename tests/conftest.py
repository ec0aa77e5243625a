# SPDX-License-Identifier: Apache-2.0
"""A lake in a temporary folder, the daypart binary, and readers that know nothing of Daypart."""

import json
import os
import pathlib
import subprocess

import pytest
from pyiceberg.catalog.sql import SqlCatalog

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Lake:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.binary = os.environ.get("DAYPART", str(ROOT / "build" / "daypart"))
        assert self.run("init", ".").returncode == 0

    def run(self, *arguments, **options):
        return subprocess.run([self.binary, *map(str, arguments)], cwd=self.folder, text=True,
                              capture_output=True, timeout=120, **options)

    def must(self, *arguments):
        result = self.run(*arguments)
        assert result.returncode == 0, result.stderr
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


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)
