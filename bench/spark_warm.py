# SPDX-License-Identifier: Apache-2.0
"""A warm Spark beside Daypart in one bench: one JVM for the whole run, its JIT left to do its best.

    spark = WarmSpark(memory="4g")
    spark.start(folder)                # the folder of a lake; again for the next lake, same JVM
    spark.warm("SELECT ...")           # untimed, as often as told, on data like the measured one
    seconds = spark.sql("MERGE INTO ...")
    spark.stop()

Takes turns with Daypart, never runs at the same time: both get the whole machine. The time of a statement
is from handing the text to Spark until its rows are here; start-up of the JVM is never part of it.
"""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from spark import Spark  # noqa: E402


class WarmSpark:
    """cores: as many as Daypart may use; memory: heap, fixed from the start, as `java -Xmx` writes it."""

    def __init__(self, cores=2, memory="4g"):
        self.spark = Spark(cores=cores, memory=memory, quick=False,
                           java_options=f"-Xms{memory} -XX:+UseParallelGC")
        self.pid = self.spark.jvm.java.lang.ProcessHandle.current().pid()
        self.lake = None

    def start(self, folder):
        """Opens the catalog of the lake in `folder`; tables are then found by Daypart's names."""
        self.lake = self.spark.lake(folder)
        return self

    def set(self, name, value):
        """A setting of the session, such as spark.sql.iceberg.planning.mode."""
        self.lake.session.conf.set(name, str(value))

    def sql(self, text):
        """Runs a statement to its end; seconds. A statement with rows: they are fetched, not kept."""
        begin = time.perf_counter()
        self.lake.session.sql(text).collect()
        return time.perf_counter() - begin

    def cpu(self):
        """Seconds of both cores that the JVM has used so far: a figure that a loaded machine disturbs less."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def warm(self, *texts, times=3):
        """Runs statements without timing them, so that what is measured next is compiled code."""
        for _ in range(times):
            for text in texts:
                self.sql(text)

    def rows(self, text):
        """A statement's rows as dictionaries: to check that both sides hold the same."""
        return self.lake.sql(text)

    def stop(self):
        self.spark.stop()
