"""The process that speaks with a coordinator: no labgrid, no interpreter, nobody there."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from harness.errors import BenchFault, UsageFault
from harness.lab import LabgridSpec
from harness.places.coordinator import Coordinator


def connect(spec: LabgridSpec) -> Coordinator:
    return Coordinator(spec, "me", lambda *_: None)


def interpreter(tmp_path: Path, script: str) -> str:
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_without_labgrid_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    # -S: no installed package, whatever this interpreter has.
    python = interpreter(tmp_path, f'exec {sys.executable} -S "$@"')
    with pytest.raises(UsageFault, match="labgrid is not installed: No module named") as caught:
        connect(LabgridSpec(coordinator="127.0.0.1", python=python))
    assert "pip install labgrid" in caught.value.hint
    assert caught.value.state == f"python: {python}"


def test_an_interpreter_that_is_none(tmp_path: Path) -> None:
    for python in (str(tmp_path / "nothing"), "/bin/true"):
        with pytest.raises(UsageFault, match="interpreter for labgrid does not start"):
            connect(LabgridSpec(coordinator="127.0.0.1", python=python))


def test_nobody_there(closed_port: int) -> None:
    cache = Path(os.environ.get("PHONE_BENCH_CACHE", Path.home() / ".cache" / "phone-bench"))
    python = cache / "labgrid" / "bin" / "python"
    assert python.exists(), f"no labgrid at {python}: make install puts it there"
    where = f"127.0.0.1:{closed_port}"
    with pytest.raises(BenchFault, match=f"{where} cannot be reached") as caught:
        connect(LabgridSpec(coordinator=where, python=str(python)))
    assert caught.value.hint.endswith(f"labgrid-client -x {where} places")


def test_one_that_never_answers_is_given_up(tmp_path: Path) -> None:
    silent = interpreter(tmp_path, """echo '{"labgrid": "25"}'; exec sleep 60""")
    with pytest.raises(BenchFault, match=r"cannot be reached: no answer within 0\.2 s"):
        connect(LabgridSpec(coordinator="127.0.0.1", python=silent, timeout_s=0.2))
