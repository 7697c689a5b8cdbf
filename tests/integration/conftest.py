"""Integration tests run two folders at a time, for a bench waits more than it works.

Tests of one folder share subnets, so they stay on one worker, in order. The locks and journals of
each module are its own: apart from those of this machine, and from what the one before killed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from harness.state import STATE_VARIABLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium of its own for a module's pages."""
    # Only two folders have pages; the others need not wait for this import.
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    assert program is not None, "apt-get install chromium"
    with sync_playwright() as playwright:
        # As root, in a container or not, Chromium has no sandbox to put itself in.
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield launched
        launched.close()
