"""A test that goes on for too long: nobody's phone is to blame."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["pytester"]
TEST = """
import threading
def test_hangs(recorder):
    threading.Event().wait(60)
"""


@pytest.mark.parametrize("terminal", [(), ("-p", "no:terminal")])
def test_a_limit_is_no_fault_of_the_phone(tree: pytest.Pytester, terminal: tuple[str, ...]) -> None:
    tree.makepyfile(TEST)
    tree.runpytest_subprocess("-p", "no:cacheprovider", "--timeout=1", *terminal)
    (results,) = (tree.path / "runs").glob("2*/results.jsonl")
    result = json.loads(results.read_text())
    assert result["verdict"] == "harness bug"
    assert result["reason"] == "the test was not done after 1 s"
    assert "in test_hangs at test_" in result["detail"]
    assert "PYTEST_TIMEOUT" in result["detail"]
