"""A night on two desks of another machine; somebody takes the place of one in the middle of it.

With ``GIVE_BACK`` in the environment it is free again before the next test.
"""

from __future__ import annotations

import os
import shlex
import subprocess

from harness.events import Registered
from harness.phone import Phone
from harness.power import Power
from harness.timeline import Timeline


def test_before(station_phone: Phone, pdu: Power) -> None:
    pdu.set("power", on=False)


def test_during(station_phone: Phone, station: str, timeline: Timeline) -> None:
    if station != "desk":
        return
    take = shlex.split(os.environ["TAKE_PLACE"])
    subprocess.run([*take, "release", "--kick"], check=True, timeout=30)
    subprocess.run([*take, "acquire"], check=True, timeout=30)
    if "GIVE_BACK" in os.environ:
        subprocess.run([*take, "release"], check=True, timeout=30)
    # The phone is off, so this would come to no end, and be the phone's fault.
    timeline.wait_for(Registered, within=60.0, device=station)


def test_after(station_phone: Phone, pdu: Power) -> None:
    pdu.set("power", on=True)
