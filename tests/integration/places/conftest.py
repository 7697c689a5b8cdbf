"""A bench on another machine; the night in here is run by a test, not with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from remote_bench import HERE, OURS, RemoteBench, labgrid_bin

from harness.lab import Lab, load_lab
from harness.namespaces import entered, ip, namespace

collect_ignore = ["night"]


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteBench]:
    """A bench over there, all of it in a network of this test alone."""
    with ExitStack() as stack:
        name = stack.enter_context(namespace("places"))
        ip("-n", name, "link", "add", "lan", "type", "bridge")
        ip("-n", name, "address", "add", f"{HERE}/24", "dev", "lan")
        ip("-n", name, "link", "set", "lan", "up")
        stack.enter_context(entered(name))
        folder = tmp_path / "remote"
        folder.mkdir()
        yield RemoteBench(folder, stack)


@pytest.fixture
def lab_of(tmp_path: Path) -> Callable[..., Lab]:
    """Read our lab.yaml, with replacements."""

    def read(*replaced: tuple[str, str]) -> Lab:
        text = OURS.replace("PYTHON", str(labgrid_bin() / "python"))
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "lab.yaml"
        path.write_text(text, encoding="utf-8")
        return load_lab(path)

    return read
