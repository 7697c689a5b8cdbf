from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import Lab, load_lab

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def one_phone() -> Lab:
    """The shipped namespace lab with one phone, whose own time runs fast."""
    lab = load_lab(ROOT / "lab.namespace.yaml")
    fast = lab.virtual.model_copy(update={"speed": 200.0})
    phones = {"desk-7942": lab.phones["desk-7942"]}
    return lab.model_copy(update={"phones": phones, "virtual": fast})
