"""Which shipped scenario a diagnosis points to."""

from __future__ import annotations

import pytest

from harness.reproduction import fitting


@pytest.mark.parametrize(
    ("rules", "pbx", "name"),
    [
        (["locale-missing"], "", "locale-missing"),
        # What only slows a boot is there too when a phone does not register.
        (["locale-missing", "password-refused"], "", "registering-long-password"),
        (["answer-to-source-port"], "asterisk22", "registering-force-rport"),
        (["answer-to-source-port"], "asterisk16", "registering-nat-yes"),
        (["unknown-user", "password-refused"], "", "name-mismatch"),
        (["password-refused", "unknown-user"], "", "registering-long-password"),
    ],
)
def test_the_one_that_explains_most(rules: list[str], pbx: str, name: str) -> None:
    scenario = fitting(rules, pbx)
    assert scenario is not None
    assert scenario.name == name


def test_what_no_scenario_has_is_none() -> None:
    assert fitting([]) is None
    assert fitting(["no-such-rule"]) is None
