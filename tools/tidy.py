#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what a compiler does not: the direction of includes, sizes, names, file heads and links.

Run over the tracked files of a checkout: tools/tidy.py [ROOT]. Each finding is one line,
`file:line: what is wrong; what to do`, and makes the exit code 1.
"""

import pathlib
import re
import subprocess
import sys

# An include goes downward in this list only; see ARCHITECTURE.md.
FOLDERS = ["app", "serve", "pipeline", "windows", "measure", "query", "ingest", "lake", "crawl", "catalog",
           "source", "streamlog", "iceberg", "generate", "store", "decode", "aws", "http", "base"]
# Folders that are values and functions: what they may not include.
PURE = {"iceberg": ("fstream", "filesystem", "sys/socket.h", "fcntl.h", "unistd.h"),
        "decode": ("fstream", "filesystem", "sys/socket.h", "fcntl.h", "unistd.h")}
# A header of this name may be included in this folder alone.
ONLY_IN = {"duckdb.h": "query", "sqlite3.h": "catalog"}
FILE_BYTES_MAX = 25_000
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
BANNED_NAMES = ("Utils", "Util", "Helper", "Helpers", "Common", "Manager", "Impl", "Misc")
BANNED_CALLS = {"std::cout": "use app/output.h or return the text",
                "std::cerr": "return an Error",
                "sleep_for": "use Clock::Sleep",
                "usleep(": "use Clock::Sleep",
                "using namespace std;": "name what is used"}
CALLS_ALLOWED_IN = {"sleep_for": ("src/base/clock.cc",)}
SOURCE_SUFFIXES = {".cc", ".h", ".py", ".sh", ".cmake"}
PRIVATE = re.compile(r"(?<![\w.])/(?:root|home/\w+|work)/|(?:registry|mirror|proxy)\.(?:internal|local)\b")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
INCLUDE = re.compile(r'#include ([<"])([^>"]+)[>"]')


def comment_of(text, suffix):
    """Lines of the comment that a file begins with, the SPDX line left out."""
    if suffix == ".py":
        found = re.search(r'^(?:"""|\'\'\')(.*?)(?:"""|\'\'\')', text, re.S | re.M)
        return [line for line in found.group(1).splitlines() if line.strip()] if found else []
    lines = []
    for line in text.splitlines():
        if line.startswith("#!"):
            continue
        if not line.startswith(("//", "#")) or line.startswith(("#include", "#pragma")):
            break
        if "SPDX" not in line and line.strip("/# "):
            lines.append(line)
    return lines


def check_head(path, text):
    head = "\n".join(text.splitlines()[:3])
    if "SPDX-License-Identifier: Apache-2.0" not in head:
        yield 1, "no SPDX line; begin the file with SPDX-License-Identifier: Apache-2.0"
    if not comment_of(text, path.suffix):
        yield 1, "no purpose; say at the top what the file is for"
    if path.suffix == ".h" and "#pragma once" not in text:
        yield 1, "no include guard; add #pragma once"


def check_lines(path, text):
    if len(text.encode()) > FILE_BYTES_MAX:
        yield 1, f"{len(text.encode())} bytes, {FILE_BYTES_MAX} at most; split the file by subject"
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE_COLUMNS_MAX and path.suffix != ".py" and "http" not in line:
            yield number, f"{len(line)} columns, {LINE_COLUMNS_MAX} at most; break the line"
        if line != line.rstrip() and path.suffix != ".md":
            yield number, "spaces at the end of the line; remove them"


def code_of(line):
    """The line without texts and comments."""
    line = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
    return line.split("//")[0]


def check_names(path, text):
    name = path.as_posix()
    for number, line in enumerate(text.splitlines(), 1):
        code = code_of(line)
        declared = re.search(r"\b(?:class|struct|enum class|namespace)\s+(\w+)", code)
        words = re.findall(r"[A-Z][a-z]+", declared.group(1)) if declared else []
        for word in words:
            if word in BANNED_NAMES:
                yield number, f"'{declared.group(1)}' says nothing; name it after what it does"
        if name.startswith("src/"):
            for call, advice in BANNED_CALLS.items():
                if call in code and name not in CALLS_ALLOWED_IN.get(call, ()):
                    yield number, f"{call} is not used here; {advice}"
    if re.search(r"(^|_)(utils?|helpers?|common|misc|manager|impl)(_|$)", path.stem):
        yield 1, f"file name '{path.stem}' says nothing; name it after what is in it"


def check_includes(path, text):
    parts = path.as_posix().split("/")
    if parts[0] != "src" or len(parts) < 3 or parts[1] not in FOLDERS:
        return
    folder = parts[1]
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        kind, header = found.groups()
        if kind == '"':
            other = header.split("/")[0]
            if other in FOLDERS and FOLDERS.index(other) < FOLDERS.index(folder):
                yield number, f"{folder}/ includes {header} above it; turn the dependency round"
        elif header in PURE.get(folder, ()) and not path.stem.endswith("_test"):
            yield number, f"{folder}/ is pure but includes <{header}>; move the I/O up"
        only = ONLY_IN.get(header)
        if only and folder != only:
            yield number, f"{header} belongs to {only}/ alone; go through its interface"


def check_functions(path, text):
    """Functions at namespace or class level: from an opening line that ends in '{' to its brace."""
    if path.suffix not in {".cc", ".h"}:
        return
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if start is None:
            opens = line.rstrip().endswith("{") and ("(" in line or ")" in line) and indent <= 2
            if opens and not line.lstrip().startswith(("namespace", "class", "struct", "enum", "}")):
                start = (number, indent)
        elif line.startswith(" " * start[1] + "}") and indent == start[1]:
            length = number - start[0] + 1
            if length > FUNCTION_LINES_MAX:
                yield start[0], f"function of {length} lines, {FUNCTION_LINES_MAX} at most; split it"
            start = None


def check_links(path, text, root):
    for number, line in enumerate(text.splitlines(), 1):
        for target in LINK.findall(line):
            if target.startswith(("http:", "https:", "mailto:", "#")):
                continue
            if not (root / path.parent / target.split("#")[0]).exists():
                yield number, f"link to {target}, which is not there; mend the link"


def check_private(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        found = PRIVATE.search(line)
        if found and path.name not in ("tidy.py", "tidy_test.py"):
            yield number, f"'{found.group(0)}' is of one machine; leave it out"


def check_file(root, path):
    """Findings of one file as (line, text). path: relative to root."""
    text = (root / path).read_text(encoding="utf-8")
    yield from check_private(path, text)
    if path.suffix == ".md":
        yield from check_links(path, text, root)
    if path.suffix in SOURCE_SUFFIXES:
        yield from check_head(path, text)
        yield from check_lines(path, text)
        yield from check_names(path, text)
        yield from check_includes(path, text)
        yield from check_functions(path, text)


def tracked_files(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], capture_output=True, check=False)
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else [
        path.relative_to(root).as_posix() for path in root.rglob("*")]
    wanted = SOURCE_SUFFIXES | {".md", ".toml", ".sql", ".lock", ".txt"}
    for name in sorted(filter(None, names)):
        path = pathlib.Path(name)
        if path.suffix in wanted and (root / path).is_file() and "corpus" not in path.parts:
            yield path


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parents[1])
    files = list(tracked_files(root))
    findings = [f"{path}:{line}: {what}" for path in files for line, what in check_file(root, path)]
    print("\n".join(findings + [f"tidy: {len(files)} files, {len(findings)} findings"]))
    return 1 if findings or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
