"""The HTTP server as phones and as an enemy meet it: same tree, same log, nobody stalls another."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BenchFault
from harness.events import FileRefused, FileRequested, FileServed
from harness.provisioning import HttpServer
from harness.provisioning.transfer_log import as_table, transfers
from harness.timeline import Timeline

HOST = "127.0.0.1"
CONTENT = bytes(range(256)) * 40


@dataclass
class Served:
    root: Path
    timeline: Timeline
    server: HttpServer

    def raw(self, sent: bytes) -> bytes:
        """What comes back for these bytes until the server closes."""
        with socket.create_connection((HOST, self.server.port), timeout=5.0) as client:
            answer = b""
            # Garbage may be left unread, which the kernel answers by a reset.
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                client.sendall(sent)
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
                while part := client.recv(65536):
                    answer += part
            return answer

    def get(self, target: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(HOST, self.server.port, timeout=5.0)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = serve(tmp_path)
    yield made
    made.server.stop()


def serve(top: Path) -> Served:
    root = top / "root"
    (root / "Germany").mkdir(parents=True)
    (root / "Germany" / "g3-tones.xml").write_bytes(CONTENT)
    (top / "secret").write_text("no")
    (root / "link").symlink_to(top / "secret")
    (root / "round").symlink_to("round")
    os.mkfifo(root / "pipe")
    timeline = Timeline()
    server = HttpServer(root, HOST, 0, timeline.observer("http"), {HOST: "desk"})
    server.start()
    return Served(root, timeline, server)


def test_a_file_arrives_and_is_in_the_same_log(served: Served) -> None:
    assert served.get("/Germany/g3-tones.xml") == (200, CONTENT)
    assert served.timeline.wait_for(FileServed, within=3.0, device="desk").protocol == "http"
    assert served.get("/CTLSEP0024C4ABCDEF.tlv")[0] == 404
    first, second = transfers(served.timeline.records(), "desk")
    assert (first.name, first.protocol, first.size) == (
        "Germany/g3-tones.xml",
        "http",
        len(CONTENT),
    )
    assert second.outcome == "error 404: not found"
    assert "g3-tones.xml" in as_table([first])
    asked = [event.name for event in served.timeline.events(FileRequested, device="desk")]
    assert asked == ["Germany/g3-tones.xml", "CTLSEP0024C4ABCDEF.tlv"]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/../secret", 403),
        ("/%2e%2e/secret", 403),
        ("/Germany/..%2f..%2fsecret", 403),
        ("/link", 403),
        ("/round", 404),
        ("/pipe", 404),
        ("/Germany", 404),
        ("/a%00b", 404),
        ("/" + "n" * 400, 404),
        ("http://[/x", 400),
    ],
)
def test_what_is_not_to_be_had_is_refused(served: Served, target: str, status: int) -> None:
    answer = served.raw(f"GET {target} HTTP/1.0\r\n\r\n".encode())
    assert answer.split()[1] == str(status).encode()
    assert b"no" not in answer.partition(b"\r\n\r\n")[2]
    refused = served.timeline.events(FileRefused, device="desk")
    assert [event.code for event in refused] == ([] if status == 400 else [status])


def test_an_upload_is_refused(served: Served) -> None:
    answer = served.raw(b"PUT /new HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")
    assert b" 501 " in answer.splitlines()[0]
    assert not (served.root / "new").exists()


def test_silent_and_slow_clients_stall_nobody(served: Served) -> None:
    clients = [socket.create_connection((HOST, served.server.port)) for _ in range(40)]
    try:
        for client in clients[:20]:
            client.sendall(b"GET /Germany/g3-t")
        assert served.get("/Germany/g3-tones.xml") == (200, CONTENT)
    finally:
        for client in clients:
            client.close()


def test_a_silent_client_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.provisioning.http._PATIENCE", 0.2)
    served = serve(tmp_path)
    with socket.create_connection((HOST, served.server.port), timeout=5.0) as client:
        assert client.recv(100) == b""
    served.server.stop()


def test_a_client_that_leaves_in_the_middle_is_in_the_log(served: Served) -> None:
    (served.root / "apps42.sbn").write_bytes(bytes(20_000_000))
    client = socket.create_connection((HOST, served.server.port))
    client.sendall(b"GET /apps42.sbn HTTP/1.0\r\n\r\n")
    client.recv(1000)
    client.close()
    refused = served.timeline.wait_for(FileRefused, within=5.0, device="desk")
    assert (refused.name, refused.code) == ("apps42.sbn", 0)
    assert "the phone is gone" in refused.reason
    assert served.get("/Germany/g3-tones.xml") == (200, CONTENT)


def test_24_phones_at_once(served: Served) -> None:
    answers: list[tuple[int, bytes]] = []
    phones = [
        threading.Thread(target=lambda: answers.append(served.get("/Germany/g3-tones.xml")))
        for _ in range(24)
    ]
    for phone in phones:
        phone.start()
    for phone in phones:
        phone.join(10.0)
    assert answers == [(200, CONTENT)] * 24


@pytest.fixture(scope="module")
def long_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = serve(tmp_path_factory.mktemp("http"))
    yield made
    made.server.stop()


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(lambda target: b"GET /" + target + b" HTTP/1.0\r\n\r\n"),
        st.binary(max_size=60).map(lambda target: b"GET " + target + b" HTTP/1.1\r\n\r\n"),
        st.binary(max_size=60).map(lambda head: b"GET / HTTP/1.1\r\n" + head + b"\r\n\r\n"),
        st.just(b"A" * 100_000),
    )
)
def test_no_garbage_ends_the_server(long_served: Served, garbage: bytes) -> None:
    long_served.raw(garbage)
    assert long_served.get("/Germany/g3-tones.xml") == (200, CONTENT)


def test_no_traceback_is_shown_for_garbage(
    long_served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    for garbage in (
        b"\0\xff\r\n\r\n",
        b"GET http://[ HTTP/1.0\r\n\r\n",
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
    ):
        long_served.raw(garbage)
    assert long_served.get("/Germany/g3-tones.xml") == (200, CONTENT)
    assert "Traceback" not in capfd.readouterr().err


def test_a_reset_is_not_shown_but_a_bug_is(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    server = served.server._server
    assert server is not None
    for error, shown in ((ConnectionResetError(), False), (ZeroDivisionError(), True)):
        try:
            raise error
        except Exception:  # noqa: BLE001 (as socketserver calls it)
            server.handle_error(None, (HOST, 1))
        assert ("Traceback" in capsys.readouterr().err) is shown


def test_a_taken_port_is_a_sentence(served: Served, tmp_path: Path) -> None:
    other = HttpServer(tmp_path, HOST, served.server.port, served.timeline.observer("http"))
    with pytest.raises(BenchFault, match="cannot listen") as fault:
        other.start()
    assert "ss -ltnp" in fault.value.hint
