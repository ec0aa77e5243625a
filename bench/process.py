# SPDX-License-Identifier: Apache-2.0
"""A program measured as a whole process: wall and CPU seconds, peak memory, what it printed."""

import subprocess
import sys
import typing


class Run(typing.NamedTuple):
    """Wall seconds, seconds of both cores, peak MiB (0: not known) and what was printed."""

    seconds: float
    cpu: float
    peak: float
    output: bytes


# A child's peak memory starts from its parent's, so the parent is a small process of its own.
LAUNCHER = """
import os, subprocess, sys, time
start = time.monotonic()
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run_measured(*command, **options):
    """options: of subprocess.run, as cwd and env."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, *command], capture_output=True, **options)
    assert done.returncode == 0, (command[:8], done.stderr[-2000:])
    return Run(*map(float, done.stderr.decode().split()[-3:]), done.stdout)
