"""The host's clock is set by an hour in the middle of calls, forward and back again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from night import lab_text, night

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

HOUR_S = 3600.0
#: libfaketime 0.9.10 spoils an absolute sleep on the clock that it is to leave alone
#: (wolfcw/libfaketime#426), and Python sleeps so since 3.11.
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


def preloaded() -> str:
    """Where libfaketime is on this machine, as its own program says."""
    told = subprocess.run(
        ["faketime", "-m", "-f", "+0s", "env"], capture_output=True, text=True, check=True
    ).stdout
    (path,) = [
        line.partition("=")[2] for line in told.splitlines() if line.startswith("LD_PRELOAD=")
    ]
    return path


def test_a_clock_set_twice_costs_no_verdict(tmp_path: Path) -> None:
    ahead = tmp_path / "ahead"

    def set_by(seconds: float) -> None:
        fresh = tmp_path / "ahead.new"
        fresh.write_text(f"{seconds:+.0f}s\n")
        fresh.replace(ahead)

    set_by(0)
    (tmp_path / "sitecustomize.py").write_text(SLEEP)
    faked = {
        "PYTHONPATH": os.pathsep.join(
            [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
        "LD_PRELOAD": preloaded(),
        "FAKETIME_TIMESTAMP_FILE": str(ahead),
        "FAKETIME_NO_CACHE": "1",
        # What a step of the clock leaves alone.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    deeds = {
        "desk: answer": lambda _: set_by(HOUR_S),
        "desk: hold": lambda _: set_by(-HOUR_S),
        "desk: press 0": lambda _: set_by(HOUR_S),
    }
    wanted = "hold_silences or sends_all_sixteen or (incoming_call_codec and PCMA)"
    done = night(tmp_path, lab_text(subnet=8), "-k", wanted, deeds=deeds, environment=faked)
    assert set(done.verdicts) == {"passed"}, done.output
    assert done.code == 0, done.output
    jumps = [record["event"]["seconds"] for record in done.of_kind("clock jumped")]
    assert [round(jump / HOUR_S) for jump in jumps] == [1, -2, 2]
    # Intervals are those that passed, and times of day go on from where the night began.
    assert all(0.0 < result["duration"] < 60.0 for result in done.results)
    walls = [record["wall"] for record in done.records]
    assert walls == sorted(walls)
    assert walls[-1] - walls[0] < 120.0
    done.assert_nothing_is_lost()
