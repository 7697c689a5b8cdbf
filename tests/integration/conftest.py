"""Integration tests run two folders at a time, for a bench waits more than it works.

Tests of one folder share subnets, so they stay on one worker, in order. The locks and journals of
each module are its own: apart from those of this machine, and from what the one before killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from harness.state import STATE_VARIABLE


class ByFolder(LoadScopeScheduling):
    """Give each worker whole folders of ``tests/integration``."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("integration/")[2].partition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    """Schedule by folder whatever ``--dist`` says."""
    return ByFolder(config, log)


@pytest.fixture(scope="module", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield
