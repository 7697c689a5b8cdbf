"""Whatever comes in, on whichever port, in whichever order: the next good transfer succeeds."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.provisioning import TftpServer
from harness.timeline import Timeline

HOST = "127.0.0.1"
CONTENT = bytes(range(256)) * 5

_NAMES = st.one_of(
    st.sampled_from(
        [
            *(b"a", b"/a", b"./a", b"../secret", b"/etc/passwd", b".", b"..", b"", b"a/b"),
            *(b"folder", b"\xff\xfe", b"round", b"%00", b"n" * 300),
        ]
    ),
    st.binary(max_size=20),
)
_REQUESTS = st.builds(
    lambda opcode, name, mode, rest: struct.pack("!H", opcode) + name + b"\0" + mode + rest,
    st.sampled_from([1, 2]),
    _NAMES,
    st.sampled_from([b"octet\0", b"netascii\0", b"mail\0", b"octet", b"", b"OCTET\0"]),
    st.sampled_from([b"", b"blksize\0abc\0", b"blksize\x001428\0", b"tsize\0", b"\0\0\0\0"]),
)
_NUMBERED = st.builds(
    lambda opcode, number, rest: struct.pack("!HH", opcode, number) + rest,
    st.sampled_from([3, 4, 5, 6, 7, 0]),
    st.one_of(st.integers(0, 4), st.integers(0, 0xFFFF)),
    st.binary(max_size=20),
)
_DATAGRAMS = st.one_of(st.binary(max_size=80), _REQUESTS, _NUMBERED, st.just(bytes(4000)))


@dataclass(frozen=True)
class Sent:
    """A datagram to the server's port or to a transfer under way; port 0 is the transfer's own."""

    datagram: bytes
    port: int
    to_transfer: bool
    then_gone: bool


_SEQUENCES = st.lists(
    st.builds(
        Sent, _DATAGRAMS, st.integers(0, 2), st.booleans(), st.sampled_from([False] * 4 + [True])
    ),
    max_size=10,
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    top = tmp_path_factory.mktemp("served")
    (top / "secret").write_text("no")
    root = top / "root"
    (root / "folder").mkdir(parents=True)
    (root / "a").write_bytes(CONTENT)
    (root / "round").symlink_to("round")
    server = TftpServer(root, HOST, 0, Timeline().observer("tftp"))
    server.start()
    yield server.port
    server.stop()
    assert sorted(path.name for path in top.rglob("*")) == [
        "a",
        "folder",
        "root",
        "round",
        "secret",
    ]


def open_transfer(port: int, stack: ExitStack) -> tuple[socket.socket, tuple[str, int]]:
    client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.settimeout(3.0)
    client.sendto(b"\0\1a\0octet\0", (HOST, port))
    packet, tid = client.recvfrom(2048)
    assert packet == struct.pack("!HH", 3, 1) + CONTENT[:512]
    return client, tid


def finish(client: socket.socket, tid: tuple[str, int]) -> bytes:
    """Acknowledge from block 1 on, with its repetitions, to the end of the file."""
    content, block = CONTENT[:512], 1
    while True:
        client.sendto(struct.pack("!HH", 4, block), tid)
        if len(content) < block * 512:
            return content
        packet, sender = client.recvfrom(2048)
        assert sender == tid
        assert packet[:4] == struct.pack("!HH", 3, block + 1)
        content += packet[4:]
        block += 1


@settings(max_examples=150, deadline=None)
@given(_SEQUENCES)
def test_no_sequence_of_datagrams_ends_the_server(port: int, sequence: list[Sent]) -> None:
    with ExitStack() as stack:
        # One phone runs wild in its transfer; another, well-behaved, goes on all the while.
        wild, attacked = open_transfer(port, stack)
        good, tid = open_transfer(port, stack)
        senders = [wild, *(socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))]
        for each in sequence:
            if each.then_gone:
                senders[each.port].close()
                senders[each.port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            senders[each.port].sendto(each.datagram, attacked if each.to_transfer else (HOST, port))
            # A stranger on the good phone's transfer, too.
            senders[each.port].sendto(each.datagram, tid)
        assert finish(good, tid) == CONTENT
        again, new_tid = open_transfer(port, stack)
        assert finish(again, new_tid) == CONTENT
        for sender in senders:
            sender.close()
