"""Integration tests run two folders at a time, for a bench waits more than it works.

Tests of one folder share subnets, so they stay on one worker, in order.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class ByFolder(LoadScopeScheduling):
    """Give each worker whole folders of ``tests/integration``."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("integration/")[2].partition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    """Schedule by folder whatever ``--dist`` says."""
    return ByFolder(config, log)
