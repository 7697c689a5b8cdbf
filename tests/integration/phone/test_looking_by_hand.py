"""``harness phone NAME status|info|console|screenshot|ssh`` on a booted twin."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
from phone_station import Station

from harness.cli.looking import look

pytestmark = pytest.mark.integration


def test_each_window_by_hand(
    open_station: Callable[..., Station], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = open_station()

    def shown(action: str, **more: object) -> str:
        look(at.bench, argparse.Namespace(action=action, name="desk", **more))
        return capsys.readouterr().out

    assert "its web window is closed" in shown("status")
    at.wait_booted(at.phone.power_cycle())
    status = shown("status")
    assert "outlet pdu-1/1: on" in status
    assert "No Trust List Installed" in status
    info = shown("info")
    assert "SIP42.9-3-1SR4-1S" in info
    assert "it says that no stream is active" in info
    assert "flashed SIP42.9-3-1SR4-1S" in shown("console")
    picture = tmp_path / "desk.png"
    assert "its display" in shown("screenshot", file=picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "LINE REGISTRATION TABLE" in shown("ssh", login="debug", commands=["show register"])
