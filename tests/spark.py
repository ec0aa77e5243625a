# SPDX-License-Identifier: Apache-2.0
"""Spark with the Iceberg runtime on a lake of Daypart, in this process: for tests and benches.

One JVM a process, started by the first use and stopped at the end; each lake gets a session of its own in
it, with a catalog named `daypart`: Iceberg's JdbcCatalog on the lake's SQLite file. Names without a catalog
are looked up there, so `media.ads` means the same table to Spark as to Daypart. Nothing is cached: each
statement sees the newest commit, whoever made it.

tools/setup.sh installs Spark in .deps/spark (deps.lock has the versions).
"""

import os
import pathlib
import sys
import tempfile

from pyiceberg.catalog.sql import SqlCatalog

ROOT = pathlib.Path(__file__).resolve().parents[1]
CATALOG = "daypart"


def spark_home():
    """Folder of set-up's Spark. A test without it must fail, not be skipped: that is what it is for."""
    home = pathlib.Path(os.environ.get("DAYPART_DEPS_DIR", ROOT / ".deps")) / "spark"
    if not (home / "jars").is_dir():
        raise RuntimeError(f"expected Spark in {home}, found none; run tools/setup.sh")
    return home


def import_pyspark():
    """pyspark from its own environment: it is pure Python, our packages come first."""
    packages = next((spark_home() / "venv" / "lib").glob("python3*/site-packages"))
    if str(packages) not in sys.path:
        sys.path.append(str(packages))
    import pyspark.sql
    return pyspark.sql


class Spark:
    """The JVM. cores: threads that work at a time; memory: of the whole heap, as Java writes it.

    quick: for many statements on few rows, as tests have them: nothing is compiled with an effort that a
    statement of a millisecond never pays back. A bench must turn it off.
    """

    def __init__(self, cores=2, memory="1g", quick=True, java_options="-XX:+UseSerialGC"):
        sql = import_pyspark()
        self.scratch = tempfile.TemporaryDirectory(prefix="daypart-spark-")
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ["PYSPARK_PYTHON"] = sys.executable
        settings = {
            "spark.driver.memory": memory,
            "spark.driver.extraClassPath": f"{spark_home()}/jars/*",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.local.dir": self.scratch.name,
            "spark.sql.warehouse.dir": f"{self.scratch.name}/warehouse",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": cores,
            "spark.default.parallelism": cores,
            "spark.sql.extensions":
                "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.log.level": "ERROR",
        }
        if quick:
            java_options += " -XX:TieredStopAtLevel=1"
            settings |= {"spark.sql.codegen.wholeStage": "false",
                         "spark.sql.codegen.factoryMode": "NO_CODEGEN",
                         "spark.sql.adaptive.enabled": "false"}
        settings["spark.driver.extraJavaOptions"] = (
            f"{java_options} -Djava.io.tmpdir={self.scratch.name} -Duser.timezone=UTC")
        builder = sql.SparkSession.builder.master(f"local[{cores}]").appName("daypart")
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()
        self.jvm = self.session.sparkContext._jvm

    def lake(self, folder):
        return SparkLake(self.session.newSession(), folder)

    def stop(self):
        gateway = self.session.sparkContext._gateway
        self.session.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()  # the JVM ends when its standard input does
        gateway.proc.wait(timeout=60)
        self.scratch.cleanup()


class SparkLake:
    """A session with the catalog of one lake (the folder that `daypart init` made)."""

    def __init__(self, session, folder):
        self.session = session
        self.jvm = session.sparkContext._jvm
        lake = pathlib.Path(folder).resolve() / "lake"
        # JdbcCatalog looks for its tables with a result set that it never closes: SQLite then keeps a
        # read lock for it, and nobody else can commit. So the tables are made here and it does not look.
        SqlCatalog(CATALOG, uri=f"sqlite:///{lake}/catalog.db", warehouse=f"file://{lake}").close()
        settings = {
            "": "org.apache.iceberg.spark.SparkCatalog",
            ".catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
            ".uri": f"jdbc:sqlite:{lake}/catalog.db",
            ".jdbc.busy_timeout": 30000,
            ".jdbc.schema-version": "V1",
            ".jdbc.init-catalog-tables": "false",
            ".warehouse": f"file://{lake}",
            ".cache-enabled": "false",
        }
        for name, value in settings.items():
            session.conf.set(f"spark.sql.catalog.{CATALOG}{name}", str(value))
        session.conf.set("spark.sql.defaultCatalog", CATALOG)

    def sql(self, text):
        """Runs a statement; its rows as dictionaries, with the same Python values as pyarrow's."""
        return self.session.sql(text).toArrow().to_pylist()

    def rows(self, table, columns="*", where="true"):
        return self.sql(f"SELECT {columns} FROM {table} WHERE {where}")

    def table(self, name):
        """The table as Iceberg's Java library sees it (org.apache.iceberg.Table, through py4j)."""
        return self.jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(
            self.session._jsparkSession, f"{CATALOG}.{name}")
