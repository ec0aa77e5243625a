# SPDX-License-Identifier: Apache-2.0
"""Runs the scripts in cases/: tables from CSV text, statements, and the rows expected.

A script is text with lines of these kinds; what follows one up to the next belongs to it:
    -- load TABLE [OPTIONS]   CSV rows for `daypart load TABLE rows.csv OPTIONS`
    -- query                  a statement
    -- saved NAME             a saved query instead
    -- expect                 its rows as CSV without a header, in order; null is the word NULL
    -- fails WORDS            instead of expect: the statement fails and its message has these words
Expected rows are worked out by hand or by the rules of the SQL standard, never by running Daypart.
"""

import csv
import io
import pathlib

import pytest

CASES = sorted((pathlib.Path(__file__).parent / "cases").glob("*.test"))
KINDS = ("load", "query", "saved", "expect", "fails")


def read_steps(path):
    steps = []
    for line in path.read_text().splitlines():
        words = line.split(maxsplit=2)
        if len(words) > 1 and words[0] == "--" and words[1] in KINDS:
            steps.append((words[1], words[2] if len(words) > 2 else "", []))
        elif steps and not (line.startswith("-- ") and steps[-1][0] != "query"):
            steps[-1][2].append(line)
    return [(kind, argument, "\n".join(lines).strip("\n")) for kind, argument, lines in steps]


def rows_of(text):
    """CSV cells; a quoted empty string is told from null by the caller's use of NULL."""
    return [row for row in csv.reader(io.StringIO(text)) if row]


def shown(result):
    """Rows that Daypart printed as JSON, in the notation of the scripts."""
    import json
    rows = json.loads(result, parse_float=str, parse_int=str)
    return [["NULL" if value is None else str(value).lower() if isinstance(value, bool) else value
             if isinstance(value, str) else json.dumps(value) for value in row.values()]
            for row in rows]


def test_there_are_scripts():
    assert len(CASES) >= 5


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_script(lake, path):
    result, asked, checks = None, "", 0
    for kind, argument, text in read_steps(path):
        if kind == "load":
            table, *options = argument.split()
            loaded = lake.load(table, text + "\n", *options)
            assert loaded.returncode == 0, loaded.stderr
        elif kind == "query":
            asked = text
            result = lake.run("query", text, "--format", "json")
        elif kind == "saved":
            asked = argument
            result = lake.run("query", "--saved", argument, "--format", "json")
        elif kind == "expect":
            assert result.returncode == 0, f"{asked}\n{result.stderr}"
            assert shown(result.stdout) == rows_of(text), asked
            checks += 1
        else:
            assert result.returncode != 0, asked
            assert argument.lower() in result.stderr.lower(), asked
            checks += 1
    assert checks > 0
