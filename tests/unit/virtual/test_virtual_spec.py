from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from harness.errors import UsageFault
from harness.virtual.spec import read_spec

SPEC: dict[str, Any] = {
    "state_dir": "/tmp/state",
    "speed": 40.0,
    "pdus": {"pdu-1": {"outlets": 2, "faults": {"stuck": [1, "2"], "lag_s": 0.5}}},
    "keypads": {"keypad-1": {"faults": {"lose_keys": [5, "#"], "bad_crc_every": 3}}},
    "phones": {
        "desk": {
            "outlet": "pdu-1/1",
            "keypad": "keypad-1",
            "model": "7942G",
            "mac": "0024C4ABCDEF",
            "address": "127.43.1.42",
            "lease": {"tftp": ["127.43.1.1"], "tftp_port": 69},
            "load": "SIP42.8-5-2S",
            "tone": 1090,
            "defects": ["one"],
        }
    },
}


def test_whole_spec() -> None:
    spec = read_spec(json.dumps(SPEC))
    assert spec.pdus["pdu-1"].faults.stuck == {"1", "2"}
    assert spec.keypads["keypad-1"].faults.lose_keys == {"5", "#"}
    assert spec.phones["desk"].lease.tftp == ("127.43.1.1",)
    assert spec.phone_command is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["sped"], 1, "sped: Extra inputs"),
        (["speed"], 0, "speed: Input should be greater than 0"),
        (["pdus", "pdu-1", "faults", "sticky"], 1, "pdus.pdu-1.faults.sticky: Extra inputs"),
        (["pdus", "pdu-1", "faults", "drop_after"], -1, "drop_after"),
        (["keypads", "keypad-1", "faults", "lag_s"], 1, "keypads.keypad-1.faults.lag_s: Extra"),
        (["keypads", "keypad-1", "faults", "bad_crc_every"], 0, "bad_crc_every"),
        (["phones", "desk", "colour"], "grey", "phones.desk.colour: Extra inputs"),
        (["phones", "desk", "model"], "7960", "phones.desk.model"),
        (["phones", "desk", "lease", "dns"], "x", "phones.desk.lease.dns: Extra inputs"),
        (["phones", "desk", "outlet"], "pdu-2/1", "no PDU twin named 'pdu-2'"),
        (["phones", "desk", "outlet"], "pdu-1/3", "pdu-1 has no outlet '3'"),
        (["phones", "desk", "outlet"], "pdu-1", "pdu-1 has no outlet ''"),
        (["phones", "desk", "keypad"], "keypad-2", "no keypad twin named 'keypad-2'"),
        (["phones", "twin"], SPEC["phones"]["desk"], "keypad-1 already belongs to desk"),
    ],
)
def test_what_a_spec_may_not_say(path: list[str], value: object, message: str) -> None:
    spec = copy.deepcopy(SPEC)
    node = spec
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(UsageFault) as caught:
        read_spec(json.dumps(spec))
    assert message in str(caught.value)


@pytest.mark.parametrize("line", ["", "{", "[]", "null"])
def test_not_a_spec_at_all(line: str) -> None:
    with pytest.raises(UsageFault, match="the spec of the virtual bench"):
        read_spec(line)
