"""The TFTP server as a phone and as an enemy meet it."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from harness.errors import BenchFault
from harness.events import FileRefused, FileRequested, FileServed
from harness.provisioning import TftpServer
from harness.timeline import Timeline

HOST = "127.0.0.1"


class Bench:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.timeline = Timeline()
        self.server = TftpServer(root, HOST, 0, self.timeline.observer("tftp"), {HOST: "desk"})
        self.server.start()

    def ask(self, name: bytes, mode: bytes = b"octet") -> socket.socket:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(3.0)
        client.bind((HOST, 0))
        request = struct.pack("!H", 1) + name + b"\0" + mode + b"\0"
        client.sendto(request, (HOST, self.server.port))
        return client

    def fetch(self, name: bytes) -> bytes:
        with self.ask(name) as client:
            content = b""
            while True:
                packet, tid = client.recvfrom(2048)
                opcode, number = struct.unpack("!HH", packet[:4])
                assert opcode == 3, packet
                content += packet[4:]
                client.sendto(struct.pack("!HH", 4, number), tid)
                if len(packet) < 516:
                    return content

    def error(self, name: bytes) -> int:
        with self.ask(name) as client:
            opcode, code = struct.unpack("!HH", client.recvfrom(2048)[0][:4])
            assert opcode == 5
            return int(code)


def test_a_server_that_ends_by_itself_is_told_and_started_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    bench = Bench(tmp_path)
    try:
        # What no datagram did so far: something in its own loop that nobody foresaw.
        with mock.patch.object(bench.server, "_accept", side_effect=KeyError("ours")):
            bench.ask(b"file").close()
            with pytest.raises(BenchFault, match="tftp: the TFTP server ended by itself: KeyError"):
                bench.timeline.wait_for(FileServed, within=5.0)
        assert "KeyError" in bench.server.gone
        bench.server.mend()
        assert not bench.server.gone
        assert not bench.timeline.lost()
        assert bench.fetch(b"file") == b"content"
    finally:
        bench.server.stop()


@pytest.fixture
def tftp(tmp_path: Path) -> Iterator[Bench]:
    root = tmp_path / "root"
    root.mkdir()
    bench = Bench(root)
    yield bench
    bench.server.stop()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 70000])
def test_files_arrive_whole_and_are_counted(tftp: Bench, size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    (tftp.root / "a.loads").write_bytes(content)
    assert tftp.fetch(b"a.loads") == content
    served = tftp.timeline.wait_for(FileServed, within=2.0, device="desk")
    assert (served.name, served.size, served.blocks) == ("a.loads", size, size // 512 + 1)
    assert served.resent == 0
    assert tftp.timeline.events(FileRequested)[0].port == served.port


def test_a_missing_file_is_error_1_and_said(tftp: Bench) -> None:
    assert tftp.error(b"CTLSEP0024C4ABCDEF.tlv") == 1
    assert tftp.timeline.wait_for(FileRefused, within=2.0, device="desk").code == 1


def test_names_are_case_sensitive(tftp: Bench) -> None:
    (tftp.root / "jar42sip.sbn").write_bytes(b"x")
    assert tftp.error(b"Jar42sip.sbn") == 1


def test_nothing_outside_the_root_is_served(tftp: Bench) -> None:
    outside = tftp.root.parent / "secret"
    outside.write_text("no")
    (tftp.root / "link").symlink_to(outside)
    assert tftp.error(b"../secret") == 2
    assert tftp.error(b"link") == 2
    assert tftp.error(str(outside).encode()) in (1, 2)


def test_a_leading_slash_is_the_root(tftp: Bench) -> None:
    (tftp.root / "mk-sip.jar").write_bytes(b"jar")
    assert tftp.fetch(b"/mk-sip.jar") == b"jar"


def test_uploads_are_refused(tftp: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(3.0)
        client.sendto(struct.pack("!H", 2) + b"new\0octet\0", (HOST, tftp.server.port))
        assert struct.unpack("!HH", client.recv(2048)[:4]) == (5, 2)
    assert not (tftp.root / "new").exists()


def test_a_lost_block_is_sent_again(tftp: Bench) -> None:
    (tftp.root / "a").write_bytes(b"x" * 600)
    with tftp.ask(b"a") as client:
        first, tid = client.recvfrom(2048)
        again, _ = client.recvfrom(2048)
        assert again == first
        client.sendto(struct.pack("!HH", 4, 1), tid)
        assert len(client.recvfrom(2048)[0]) == 4 + 88
        client.sendto(struct.pack("!HH", 4, 2), tid)
    assert tftp.timeline.wait_for(FileServed, within=2.0).resent == 1


def test_a_stranger_on_the_transfers_port_gets_error_5(tftp: Bench) -> None:
    (tftp.root / "a").write_bytes(b"x" * 600)
    with tftp.ask(b"a") as client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        _, tid = client.recvfrom(2048)
        stranger.settimeout(3.0)
        stranger.sendto(struct.pack("!HH", 4, 1), tid)
        assert struct.unpack("!HH", stranger.recv(2048)[:4]) == (5, 5)


def test_an_old_acknowledgement_doubles_nothing(tftp: Bench) -> None:
    (tftp.root / "a").write_bytes(b"x" * 1400)
    with tftp.ask(b"a") as client:
        _, tid = client.recvfrom(2048)
        for _ in range(3):
            client.sendto(struct.pack("!HH", 4, 1), tid)
        second, _ = client.recvfrom(2048)
        assert struct.unpack("!HH", second[:4]) == (3, 2)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recvfrom(2048)
        client.settimeout(3.0)
        client.sendto(struct.pack("!HH", 4, 2), tid)
        third, _ = client.recvfrom(2048)
        assert struct.unpack("!HH", third[:4]) == (3, 3)


def test_odd_things_in_the_root_are_not_found(tftp: Bench) -> None:
    (tftp.root / "round").symlink_to("about")
    (tftp.root / "about").symlink_to("round")
    (tftp.root / "folder").mkdir()
    # Reading a pipe nobody writes to would wait for ever.
    os.mkfifo(tftp.root / "pipe")
    for name in (b"round", b"folder", b"pipe", b".", b"", b"n" * 400, b"folder/../../root"):
        assert tftp.error(name) == 1, name


def test_a_port_used_for_a_second_file_gets_the_second_file(tftp: Bench) -> None:
    """A 7920 asks for all its files from one port; its last acknowledgement may get lost."""
    (tftp.root / "a").write_bytes(b"a" * 600)
    (tftp.root / "b").write_bytes(b"b" * 600)
    with tftp.ask(b"a") as client:
        _, first = client.recvfrom(2048)
        client.sendto(b"\0\1b\0octet\0", (HOST, tftp.server.port))
        packet, second = client.recvfrom(2048)
        assert packet == struct.pack("!HH", 3, 1) + b"b" * 512
        assert second != first
    refused = tftp.timeline.wait_for(FileRefused, within=2.0, device="desk")
    assert (refused.name, refused.reason) == ("a", "the phone asked for b instead")


def test_a_request_sent_twice_is_one_transfer(tftp: Bench) -> None:
    (tftp.root / "a").write_bytes(b"a" * 600)
    with tftp.ask(b"a") as client:
        packet, first = client.recvfrom(2048)
        client.sendto(b"\0\1a\0octet\0", (HOST, tftp.server.port))
        assert client.recvfrom(2048) == (packet, first)
    assert len(tftp.timeline.events(FileRequested)) == 1


def test_an_error_is_never_answered(tftp: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.3)
        client.sendto(b"\0\5\0\5unknown transfer ID\0", (HOST, tftp.server.port))
        with pytest.raises(TimeoutError):
            client.recvfrom(2048)


def test_without_descriptors_a_phone_is_refused_and_the_others_go_on(
    tftp: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tftp.root / "a").write_bytes(b"a" * 600)
    with tftp.ask(b"a") as client, monkeypatch.context() as patch:
        _, tid = client.recvfrom(2048)
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

        def none_left(*_: object) -> socket.socket:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        patch.setattr(socket, "socket", none_left)
        with other:
            other.settimeout(3.0)
            other.sendto(b"\0\1a\0octet\0", (HOST, tftp.server.port))
            assert other.recv(2048)[:4] == b"\0\5\0\0"
        client.sendto(struct.pack("!HH", 4, 1), tid)
        assert client.recvfrom(2048)[0][:4] == b"\0\3\0\2"


def test_a_taken_port_is_a_sentence(tftp: Bench, tmp_path: Path) -> None:
    other = TftpServer(tmp_path, HOST, tftp.server.port, tftp.timeline.observer("tftp"))
    with pytest.raises(BenchFault, match="cannot listen") as fault:
        other.start()
    assert "ss -lunp" in fault.value.hint
    other.stop()
