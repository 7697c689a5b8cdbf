"""The twin's boot loader: what it does with a code, none, a wrong one, and a power cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from harness.models import PHONE_MODELS, ModelName
from harness.virtual.phone import process
from harness.virtual.phone.flash import Flash
from harness.virtual.phone.process import Twin
from harness.virtual.phone.reset import ResetKind
from harness.virtual.phone.spec import TwinSpec

#: What the boot loader flashed last, it knows after any reset.
LAST = {"newest": "SIP42.9-3-1SR4-1S"}
KEPT = {"load": "SIP42.9-3-1SR4-1S", "config": "<device/>", "host_key": "key", **LAST}
NETWORK = {"alternate_tftp": "192.0.2.9"}
WIPED = {"load": "", "config": "", "host_key": "", "components": [], **LAST}


@pytest.fixture(autouse=True)
def quick_lamps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_SHORTEST_STEP", 0.008)


def twin(folder: Path, model: str = "7942G") -> tuple[Twin, Path]:
    flash = folder / "flash.json"
    flash.write_text(json.dumps(KEPT | NETWORK | {"components": ["jar"]}))
    spec = TwinSpec.model_validate(
        {
            "name": "desk", "outlet": "pdu-1/1", "keypad": "k", "model": model,
            "mac": "0024C4ABCDEF", "address": "127.0.0.1", "load": "x", "speed": 400.0,
            "lease": {"tftp": ["127.0.0.1"]}, "flash": flash, "held": ["#"],
        }
    )  # fmt: skip
    return Twin(spec), flash


async def in_boot_loader(phone: Twin, keys: str) -> asyncio.Task[None]:
    """Release # once it walks, and type."""
    life = asyncio.create_task(phone._boot_loader())
    await asyncio.sleep(0.15)
    phone.key("#", down=False)
    for key in keys:
        phone.key(key, down=True)
        phone.key(key, down=False)
    return life


def held(flash: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(flash.read_text())
    return content


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20.0))


def lamps(capfd: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    said = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    return [(line["lamp"], line["colour"]) for line in said if "lamp" in line]


@pytest.mark.parametrize("kind", list(ResetKind))
@pytest.mark.parametrize(
    ("model", "doubled"), [(ModelName.CP7942G, False), (ModelName.CP7962G, True)]
)
def test_each_code(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    model: ModelName,
    kind: ResetKind,
    doubled: bool,
) -> None:
    phone, flash = twin(tmp_path, model)

    async def reset() -> None:
        keys = "".join(key * (2 if doubled else 1) for key in kind.keys)
        await (await in_boot_loader(phone, keys))

    run(reset())
    network = NETWORK if kind.keeps_network else {"alternate_tftp": ""}
    assert held(flash) == WIPED | network
    seen = lamps(capfd)
    assert {lamp for lamp, _ in seen} == {f"line{n + 1}" for n in range(PHONE_MODELS[model].lines)}
    colours = list(dict.fromkeys(colour for _, colour in seen if colour != "dark"))
    assert colours == ["amber", "red"] + (["green"] if kind is not ResetKind.SOFT else [])


@pytest.mark.parametrize("keys", ["", "12", "124"], ids=["none", "unfinished", "wrong"])
def test_no_code_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], keys: str
) -> None:
    """After 60 s without a code, or at the first wrong key, the phone boots as it was."""
    monkeypatch.setattr(process, "_SHORTEST_CODE_WINDOW", 0.2)
    phone, flash = twin(tmp_path)

    async def give_up() -> None:
        await (await in_boot_loader(phone, keys))

    run(give_up())
    assert held(flash) == KEPT | NETWORK | {"components": ["jar"]}
    assert {colour for _, colour in lamps(capfd)} == {"amber", "dark"}


def test_a_power_cut_while_formatting_loses_the_network_settings(tmp_path: Path) -> None:
    """They are in memory meanwhile (users' notes: do not cut power)."""
    phone, flash = twin(tmp_path)

    async def cut() -> None:
        life = await in_boot_loader(phone, ResetKind.KEEP_NETWORK.keys)
        while held(flash)["load"]:
            await asyncio.sleep(0.02)
        life.cancel()

    run(cut())
    assert held(flash) == WIPED | {"alternate_tftp": ""}


def test_dark_for_more_than_five_minutes_after_a_format() -> None:
    assert ResetKind.SOFT.dark_seconds == 0
    for kind in (ResetKind.FORMAT, ResetKind.KEEP_NETWORK):
        assert kind.dark_seconds > 300
        assert kind.green_seconds


def test_a_flash_of_an_older_run_is_read(tmp_path: Path) -> None:
    path = tmp_path / "flash.json"
    path.write_text('{"load": "SIP42.8-5-2S", "config": ""}')
    flash = Flash(path, "x")
    assert (flash.load, flash.components, flash.alternate_tftp) == ("SIP42.8-5-2S", [], "")
    assert flash.tftp_servers(("192.0.2.1",)) == ["192.0.2.1"]
