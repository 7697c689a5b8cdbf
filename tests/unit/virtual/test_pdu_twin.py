"""What the PDU twin says on a bare socket, without the driver."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from harness.virtual.pdu import PduTwin
from harness.virtual.spec import BenchSpec
from harness.virtual.world import World

Ask = Callable[[str], Awaitable[str]]


def run(tmp_path: Path, talk: Callable[[Ask], Awaitable[None]]) -> None:
    async def session() -> None:
        spec = BenchSpec.model_validate({"state_dir": tmp_path, "pdus": {"pdu-1": {"outlets": 2}}})
        twin = PduTwin("pdu-1", spec.pdus["pdu-1"], World(spec, lambda _: None), lambda _: None)
        port = int((await twin.start()).split("::")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def ask(lines: str) -> str:
            writer.write(lines.encode())
            return (await asyncio.wait_for(reader.readline(), 2.0)).decode()

        try:
            await talk(ask)
        finally:
            writer.close()
            await writer.wait_closed()
            await twin.stop()
            await asyncio.sleep(0)

    asyncio.run(session())


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        ("*IDN?\n", "Phone Bench,Virtual PDU,pdu-1,1.0\n"),
        ("*idn?\r\n", "Phone Bench,Virtual PDU,pdu-1,1.0\n"),
        ("OUTP1?\n", "0\n"),
        ("OUTP1 ON\nOUTP1?\n", "1\n"),
        ("OUTPut2:STATe 1\noutp2?\n", "1\n"),
        ("OUTP1 ON\nOUTP1 OFF\nOUTP1?\n", "0\n"),
        ("OUTP1 ON\nOUTP2?\n", "0\n"),
        ("MEAS:CURR1?\n", "0.000\n"),
        ("SYST:ERR?\n", '0,"No error"\n'),
        ("NONSENSE?\nSYST:ERR?\n", '-113,"Undefined header"\n'),
        ("OUTP3?\nSYST:ERR?\n", '-114,"Header suffix out of range"\n'),
        ("OUTP3 ON\nSYST:ERR?\n", '-114,"Header suffix out of range"\n'),
        ("OUTP1 MAYBE\nSYST:ERR?\n", '-224,"Illegal parameter value"\n'),
        ("X\n*CLS\nSYST:ERR?\n", '0,"No error"\n'),
        ("\n\n*OPC?\n", "1\n"),
    ],
)
def test_answers(tmp_path: Path, lines: str, answer: str) -> None:
    async def talk(ask: Ask) -> None:
        assert await ask(lines) == answer

    run(tmp_path, talk)


def test_errors_come_out_in_order_and_overflow(tmp_path: Path) -> None:
    async def talk(ask: Ask) -> None:
        answers = [await ask("X\n" * 20 + "SYST:ERR?\n")]
        answers += [await ask("SYST:ERR?\n") for _ in range(16)]
        assert answers[0].startswith("-113")
        assert answers[15].startswith("-350")
        assert answers[16].startswith("0,")

    run(tmp_path, talk)
