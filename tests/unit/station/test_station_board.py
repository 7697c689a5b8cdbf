"""Each viewer gets all first, then what changed; nobody is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from harness.station.board import Board


async def kinds(stream: AsyncIterator[str]) -> list[str]:
    """The next bundle of events, without the clock."""
    text = await asyncio.wait_for(anext(stream), 5)
    lines = [each for each in text.splitlines() if each.startswith(("event: ", "data: "))]
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [f"{a[7:]} {b[6:]}" for a, b in pairs if a != "event: clock"]


def test_all_first_then_changes_and_a_slow_viewer_gets_the_newest() -> None:
    async def look() -> None:
        board = Board()
        board.publish({"run": "1", "phone/desk": "2"})
        early, late = board.stream(), board.stream()
        assert "retry" in await anext(early)
        assert await kinds(early) == ["run 1", "phone 2"]
        waiting = asyncio.create_task(kinds(early))
        await asyncio.sleep(0)
        board.publish({"run": "1", "phone/desk": "2"})
        board.publish({"phone/desk": "3"})
        assert await waiting == ["phone 3"]
        for number in range(4, 9):
            board.publish({"phone/desk": str(number)})
        await anext(late)
        assert await kinds(late) == ["run 1", "phone 8"]
        assert await kinds(early) == ["phone 8"]

    asyncio.run(look())


def test_a_part_that_is_gone_is_sent_when_it_comes_back() -> None:
    async def look() -> None:
        board = Board()
        board.publish({"phone/desk": "1"})
        stream = board.stream()
        await anext(stream)
        assert await kinds(stream) == ["phone 1"]
        board.publish({"run": "2"}, gone={"phone/desk"})
        assert await kinds(stream) == ["run 2"]
        board.publish({"phone/desk": "1"})
        assert await kinds(stream) == ["phone 1"]

    asyncio.run(look())


def test_closing_ends_every_stream() -> None:
    async def look() -> None:
        board = Board()

        async def all_of() -> int:
            return len([each async for each in board.stream()])

        viewers = [asyncio.create_task(all_of()) for _ in range(3)]
        await asyncio.sleep(0)
        board.close()
        assert await asyncio.wait_for(asyncio.gather(*viewers), 5) == [1, 1, 1]

    asyncio.run(look())
