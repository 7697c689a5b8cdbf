"""Hypothesis without its clock, and a folder for locks and journals that is the tests' own.

An example that takes long on a busy machine is no failure.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from harness.state import STATE_VARIABLE

settings.register_profile("bench", deadline=None)
settings.load_profile("bench")


@pytest.fixture(scope="session", autouse=True)
def _a_state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees the locks and journals of this machine, or leaves any there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield
