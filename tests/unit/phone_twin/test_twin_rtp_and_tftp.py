"""The twin's RTP and TFTP client on real sockets of the loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import numpy as np
import pytest

from harness.evidence.speech import decode
from harness.tones import heard, levels
from harness.virtual.phone.media.codecs import Microphone
from harness.virtual.phone.media.rtp import RtpSession
from harness.virtual.phone.tftp import FileTooBig, ServerError, fetch

HOST = "127.0.0.1"
TONES = {"phone": 1090, "alice": 440, "bob": 620}


@pytest.mark.parametrize("payload_type", [0, 8, 9])
def test_the_tone_survives_each_codec(payload_type: int) -> None:
    microphone = Microphone(1090, payload_type)
    payloads = [microphone.payload() for _ in range(25)]
    assert {len(payload) for payload in payloads} == {160}
    samples = decode(payload_type, payloads)
    assert heard(levels(np.asarray(samples), 8000, TONES)) == {"phone"}


def collect(
    digits: str, seconds: float, dtmf_type: int | None = 101
) -> list[tuple[int, int, bytes]]:
    """Run a session that presses digits and return (type, timestamp, payload) of each packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((HOST, 0))
        ear.settimeout(0.05)

        async def run() -> None:
            session = RtpSession(1090)
            await session.open(HOST, 20000, 20100)
            session.start(ear.getsockname(), 8, dtmf_type)
            session.sending = True
            for digit in digits:
                session.press(digit)
                await asyncio.sleep(0.12)
                session.release()
            await asyncio.sleep(seconds)
            session.close()

        asyncio.run(run())
        packets = []
        while True:
            try:
                packet = ear.recv(2048)
            except TimeoutError:
                return packets
            _, kind, _, timestamp, _ = struct.unpack("!BBHII", packet[:12])
            packets.append((kind & 0x7F, timestamp, packet[12:]))


def test_each_digit_is_one_event_with_three_ends() -> None:
    packets = [p for p in collect("4#A", 0.3) if p[0] == 101]
    events: dict[int, list[bytes]] = {}
    for _, timestamp, payload in packets:
        events.setdefault(timestamp, []).append(payload)
    assert [payloads[0][0] for payloads in events.values()] == [4, 11, 12]
    for payloads in events.values():
        durations = [struct.unpack("!H", payload[2:])[0] for payload in payloads]
        assert durations == sorted(durations)
        assert durations[-1] >= 800
        assert [payload[1] >> 7 for payload in payloads][-3:] == [1, 1, 1]
        assert sum(payload[1] >> 7 for payload in payloads) == 3


def test_sound_is_silent_during_a_digit_and_comes_back() -> None:
    kinds = [kind for kind, _, _ in collect("1", 0.3)]
    assert kinds[-1] == 8
    first, last = kinds.index(101), len(kinds) - 1 - kinds[::-1].index(101)
    assert set(kinds[first : last + 1]) == {101}


def test_without_an_agreed_type_a_digit_is_its_two_tones_in_the_audio() -> None:
    packets = collect("6", 0.3, dtmf_type=None)
    assert {kind for kind, _, _ in packets} == {8}
    tones = {"row": 770, "column": 1477, "another row": 697, "voice": 1090}
    sound = np.asarray(decode(8, [payload for _, _, payload in packets]))
    # 100 ms at a time: long enough to tell neighbouring rows apart, shorter than the digit.
    windows = [sound[start : start + 800] for start in range(0, len(sound) - 800, 160)]
    parts = [heard(levels(window, 8000, tones)) for window in windows]
    assert {"row", "column"} in parts
    assert parts[-1] == {"voice"}


class Server(asyncio.DatagramProtocol):
    """A TFTP server that answers each packet as a function says."""

    def __init__(self, content: bytes, *, lose_first: bool = False, error: int = 0) -> None:
        self.content = content
        self.lose = lose_first
        self.error = error
        self.clients: list[int] = []
        self.requests: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        opcode, number = struct.unpack("!HH", data[:4].ljust(4, b"\0"))
        if opcode == 1:
            self.requests.append(data)
            self.clients.append(addr[1])
            if self.lose:
                self.lose = False
                return
            number = 0
        if self.error:
            self.transport.sendto(struct.pack("!HH", 5, self.error) + b"no\0", addr)
        elif opcode in (1, 4) and number <= len(self.content) // 512:
            block = self.content[number * 512 : (number + 1) * 512]
            self.transport.sendto(struct.pack("!HH", 3, number + 1) + block, addr)


async def fetched(server: Server, limit: int | None = None, times: int = 1) -> bytes:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=(HOST, 0))
    address = transport.get_extra_info("sockname")
    try:
        for _ in range(times):
            content = await fetch(HOST, address, "SEP0.cnf.xml", limit)
    finally:
        transport.close()
    return content


@pytest.mark.parametrize("size", [0, 511, 512, 1024, 1500])
def test_files_of_any_size_arrive(size: int) -> None:
    content = bytes(index % 256 for index in range(size))
    assert asyncio.run(fetched(Server(content))) == content


def test_requests_are_plain_and_each_from_a_new_port() -> None:
    server = Server(b"x")
    asyncio.run(fetched(server, times=3))
    assert server.requests == [b"\0\1SEP0.cnf.xml\0octet\0"] * 3
    assert len(set(server.clients)) == 3


def test_a_lost_request_is_sent_again() -> None:
    assert asyncio.run(fetched(Server(b"x", lose_first=True))) == b"x"


def test_an_error_goes_on_and_a_big_file_is_refused() -> None:
    with pytest.raises(ServerError):
        asyncio.run(fetched(Server(b"", error=1)))
    with pytest.raises(FileTooBig):
        asyncio.run(fetched(Server(b"x" * 2000), limit=1000))
