"""A tree of somebody else's tests, with the shipped lab in it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tree(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".yaml", lab=(ROOT / "lab.yaml").read_text(encoding="utf-8"))
    return pytester
