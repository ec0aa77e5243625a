# SPDX-License-Identifier: Apache-2.0
"""Where the golden tables lie, how they are unpacked, and how rows and filters are written as JSON.

Iceberg keeps absolute paths in its metadata, inside compressed Avro too, so a table cannot be moved
without rewriting it. The golden tables therefore were made under one fixed folder and are unpacked to it:
its name ends in the hash of the maker's format, nothing in it is ever changed, and a run that finds it
whole uses it. Unpacking is to a folder beside it and one rename, so runs at the same time do not meet.
"""

import base64
import datetime
import decimal
import json
import math
import os
import pathlib
import shutil
import tarfile
import tempfile
import uuid

FOLDER = pathlib.Path(__file__).resolve().parent
ARCHIVE = FOLDER / "golden" / "tables.tar.xz"
EXPECTED = FOLDER / "golden" / "expected.json"
# The place of the tables on every machine; changed with the archive.
LAKE = pathlib.Path("/tmp/daypart-golden-1")


def unpack():
    """The lake of golden tables, whole and as archived."""
    stamp = str(ARCHIVE.stat().st_size)
    if (LAKE / "size").exists() and (LAKE / "size").read_text() == stamp:
        return LAKE
    work = pathlib.Path(tempfile.mkdtemp(prefix="daypart-golden-", dir=LAKE.parent))
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(work / "lake", filter="data")
    (work / "lake" / "size").write_text(stamp)
    if LAKE.exists():  # of another archive, or of a run that was killed
        shutil.move(LAKE, work / "old")
    try:
        os.rename(work / "lake", LAKE)
    except OSError:
        assert (LAKE / "size").read_text() == stamp  # another run was first
    shutil.rmtree(work)
    return LAKE


def plain(value):
    """A value as JSON that loses nothing: what readers must agree on, not how they hold it."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return f"float {'nan' if math.isnan(value) else value!r}"
    if isinstance(value, decimal.Decimal):
        return f"decimal {value:f}"
    if isinstance(value, datetime.datetime):
        return f"at {value.isoformat()}"
    if isinstance(value, (datetime.date, datetime.time)):
        return f"at {value.isoformat()}"
    if isinstance(value, (bytes, bytearray)):
        return f"bytes {base64.b16encode(bytes(value)).decode()}"
    if isinstance(value, uuid.UUID):
        return f"uuid {value}"
    return value


def in_order(rows):
    """Rows as JSON texts, sorted: a table is a bag of rows. Columns by name."""
    return sorted(json.dumps(plain(row), sort_keys=True, ensure_ascii=False) for row in rows)
