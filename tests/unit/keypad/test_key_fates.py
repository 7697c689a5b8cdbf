"""A matrix controller feels its keys: what became of a press is told by edges."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from running_twin import RunningTwin

from harness.errors import BenchFault
from harness.keypad import Fate, KeyFault, MatrixKeypad
from harness.timeline import Timeline


@pytest.mark.parametrize(
    ("fault", "fate", "says"),
    [
        ("lose_keys", Fate.LOST, "key 5 did not go down"),
        ("double_keys", Fate.DOUBLED, "key 5 went down more than once"),
        ("stuck_keys", Fate.STUCK, "key 5 stays down"),
    ],
)
def test_fate_of_a_key(
    keypad_twin: Callable[..., RunningTwin],
    timeline: Timeline,
    fault: str,
    fate: Fate,
    says: str,
) -> None:
    twin = keypad_twin(**{fault: [5]})
    keypad = MatrixKeypad(twin.port, "keypad-1", "desk", timeline.observer("keypad-1"))
    try:
        with pytest.raises(KeyFault, match=says) as caught:
            keypad.type("456", ms=5, gap_ms=5)
        assert caught.value.fate is fate
        assert isinstance(caught.value, BenchFault)
        assert caught.value.device == "keypad-1"
    finally:
        keypad.close()
    assert any(f"fault fired: keypad-1 {fault}" in line for line in twin.log)
