# SPDX-License-Identifier: Apache-2.0
"""kill_run.py, short by default; KILL_RUN_EVENTS, KILL_RUN_KILLS and KILL_RUN_SEED make it as long as wanted."""

import os

import kill_run


def test_kills_of_server_and_consumer_lose_and_repeat_nothing(tmp_path):
    binary = os.path.abspath(os.environ.get("DAYPART", "build/daypart"))
    seed = int(os.environ.get("KILL_RUN_SEED", "1"))
    print("seed", seed)
    kills = int(os.environ.get("KILL_RUN_KILLS", "8"))
    report = kill_run.run(binary, tmp_path, int(os.environ.get("KILL_RUN_EVENTS", "30000")), kills, seed)
    print(report)
    assert report["server_kills"] + report["consumer_kills"] == kills
    assert report["server_kills"] > 0 and report["consumer_kills"] > 0
    assert report["sent_again"] > 0
    assert report["looks"] > 0
