from __future__ import annotations

import json
from typing import Any

import pytest

from harness.errors import UsageFault
from harness.virtual.spec import read_spec

FACE: dict[str, Any] = {"corner": [-285, -225], "keys": {"1": [117, 60]}}
GANTRY: dict[str, Any] = {"faces": {"keypad-1": FACE}}


def spec_with(**changes: Any) -> str:
    gantry = GANTRY | changes
    phone = {
        "outlet": "pdu-1/1",
        "keypad": "keypad-1",
        "model": "7942G",
        "mac": "0024C4ABCDEF",
        "address": "127.43.1.42",
        "lease": {"tftp": ["127.43.1.1"]},
        "load": "SIP42.8-5-2S",
    }
    return json.dumps(
        {
            "state_dir": "/tmp/state",
            "pdus": {"pdu-1": {"outlets": 1}},
            "gantries": {"keypad-1": gantry},
            "phones": {"desk": phone},
        }
    )


def test_a_phone_may_lie_under_a_gantry() -> None:
    spec = read_spec(spec_with(faults={"lose_keys": [5], "offset": [1, -2.5]}))
    faults = spec.gantries["keypad-1"].faults
    assert faults.lose_keys == {"5"}
    assert faults.offset == (1.0, -2.5)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"faults": {"bad_crc_every": 1}}, "faults.bad_crc_every: Extra inputs"),
        ({"faults": {"offset": [1]}}, "faults.offset"),
        ({"faces": {"keypad-1": FACE | {"cap": 0}}}, "cap"),
        ({"faces": {"keypad-1": FACE | {"keys": {"1": "here"}}}}, "keys.1"),
        ({"faces": {}}, "faces"),
        ({"faces": {"keypad-2": FACE}}, "no keypad twin named 'keypad-1'"),
    ],
)
def test_what_it_may_not_say(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageFault, match=says):
        read_spec(spec_with(**changes))
