"""labgrid's own backends behind our driver: missing, hanging, failing, and never leaking."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from rig_labgrid import gude, labgrid_python
from rigs import Outlets, http_device

from harness.errors import BenchFault, UsageFault
from harness.events import Note
from harness.lab import LabgridPowerSpec
from harness.power import OutletState, SwitchedOutlets, open_power
from harness.timeline import Timeline

Connect = Callable[..., SwitchedOutlets]


@pytest.fixture
def connect(timeline: Timeline) -> Iterator[Connect]:
    with ExitStack() as stack:

        def make(**entry: Any) -> SwitchedOutlets:
            given = {
                "driver": "labgrid",
                "backend": "gude",
                "python": labgrid_python(),
                "confirm_s": 0.5,
                "outlets": 4,
            }
            spec = LabgridPowerSpec.model_validate(given | entry)
            power = open_power(spec, "pdu-1", timeline.observer("pdu-1"))
            stack.callback(power.close)
            return power

        yield make


def test_without_labgrid_one_sentence_says_what_to_install(connect: Connect) -> None:
    with pytest.raises(UsageFault, match="labgrid's backend gude is not installed") as caught:
        connect(address="192.0.2.1", python="")
    assert "pip install labgrid" in caught.value.hint
    assert "Traceback" not in str(caught.value)


def test_a_backend_that_labgrid_does_not_have(connect: Connect) -> None:
    with pytest.raises(UsageFault, match="backend guda is not installed"):
        connect(address="192.0.2.1", backend="guda")


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/true"])
def test_an_interpreter_that_is_none(connect: Connect, python: str) -> None:
    with pytest.raises(UsageFault, match="interpreter for labgrid does not start"):
        connect(address="192.0.2.1", python=python)


def test_a_backend_that_hangs_is_ended_in_time_and_started_again(
    connect: Connect, timeline: Timeline
) -> None:
    outlets, release = Outlets(), threading.Event()
    with http_device(gude, outlets) as (host, port, _):
        power = connect(address=host, port=port, timeout_s=1.5)
        outlets.before = lambda: release.wait(20.0)
        began = time.monotonic()
        with pytest.raises(BenchFault, match=r"no answer within 1\.5 s"):
            power.state("1")
        assert time.monotonic() - began < 4.0
        release.set()
        power.set("1", on=True)
        assert outlets.on["1"]
    assert timeline.events(Note) == []


def test_a_web_page_that_means_nothing_is_a_bench_fault(connect: Connect) -> None:
    with (
        http_device(lambda _o, _p: (200, "<html>login</html>"), Outlets()) as (host, port, _),
        pytest.raises(BenchFault, match="cannot read outlet 1: ExecutionError"),
    ):
        connect(address=host, port=port)


def test_an_outlet_that_does_not_follow(connect: Connect) -> None:
    def stuck(outlets: Outlets, path: str) -> tuple[int, str]:
        return gude(outlets, path if path == "/" else "/nothing")

    with http_device(stuck, Outlets()) as (host, port, _):
        power = connect(address=host, port=port)
        with pytest.raises(BenchFault, match="outlet 1 does not switch on"):
            power.set("1", on=True)


def test_a_password_is_filled_into_the_address_and_never_told(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def rest(_: Outlets, path: str) -> tuple[int, str]:
        seen.append(path)
        return 500, "no"

    monkeypatch.setenv("PDU_KEY", "hunter2secret")
    with (
        http_device(rest, Outlets()) as (host, port, _),
        pytest.raises(BenchFault) as caught,
    ):
        connect(
            backend="rest",
            address=f"http://{host}:{port}/{{key}}/relay/{{index}}",
            credentials={"key": "PDU_KEY"},
        )
    assert seen == ["/hunter2secret/relay/1"]
    assert "hunter2" not in str(caught.value)
    assert "/{key}/relay/" in caught.value.expected


def test_a_backend_that_cannot_read_is_not_waited_for(connect: Connect, tmp_path: Path) -> None:
    """A stand-in for labgrid with one backend that can only write, as its Digital Loggers had."""
    package = tmp_path / "labgrid" / "driver" / "power"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    (package / "writeonly.py").write_text(
        "def power_set(host, port, index, value): open(host, 'a').write(f'{index}={value}\\n')\n"
        "def power_get(host, port, index): raise NotImplementedError\n"
    )
    (tmp_path / "labgrid-1.dist-info").mkdir()
    (tmp_path / "labgrid-1.dist-info" / "METADATA").write_text("Name: labgrid\nVersion: 1\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o700)
    written = tmp_path / "written"
    power = connect(backend="writeonly", address=str(written), python=str(python))
    assert power.state("1") is OutletState.UNKNOWN
    began = time.monotonic()
    with pytest.raises(BenchFault, match="nothing confirms it"):
        power.set("1", on=True)
    assert time.monotonic() - began < 0.4, "no use in reading until the deadline"
    assert written.read_text() == "1=True\n"
