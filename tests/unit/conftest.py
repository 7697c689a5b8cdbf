"""Hypothesis without its clock: an example that takes long on a busy machine is no failure.

Locks and journals of tests are kept apart from those of this machine's benches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from harness.state import STATE_VARIABLE

settings.register_profile("bench", deadline=None)
settings.load_profile("bench")


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield
