"""The measurement itself: what it counts as a ratio, and what it does not accept."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from pathlib import Path

import pytest

from bench.phones import perform
from bench.servers import Running, running
from bench.tftp import Measurement, as_table, main, measure, ratios
from harness.errors import BenchFault
from harness.provisioning import TftpServer
from harness.timeline import Timeline

HOST = "127.52.9.1"


def measured(number: int, server: str, seconds: float) -> Measurement:
    return Measurement(number, server, 24, seconds, 100 / seconds, seconds, 0, 0.5)


CELLS = [
    measured(1, "tftpd-hpa", 2.0),
    measured(1, "harness", 1.0),
    measured(2, "tftpd-hpa", 3.0),
    measured(2, "harness", 4.0),
]


def test_a_ratio_is_of_one_round_and_above_one_is_faster() -> None:
    assert ratios(CELLS, "harness", 24, against="tftpd-hpa") == [2.0, 0.75]


def test_the_table_tells_median_and_spread() -> None:
    table = as_table(CELLS, ["harness", "tftpd-hpa"], (24,), against="tftpd-hpa")
    row = next(line for line in table.splitlines() if "| harness |" in line)
    assert "| 1.38 (0.75–2.00) |" in row


def test_other_bytes_than_the_file_has_are_no_measurement(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 2000)
    server = TftpServer(tmp_path, HOST, 0, Timeline().observer("tftp"))
    server.start()
    try:
        there = Running("harness", "", HOST, server.port)
        right = {"a": hashlib.sha256(b"x" * 2000).hexdigest()}
        assert measure(there, 2, 1, right).resent == 0
        with pytest.raises(BenchFault, match="other bytes"):
            measure(there, 1, 1, {"a": hashlib.sha256(b"y").hexdigest()})
        with pytest.raises(BenchFault, match="1 clients"):
            measure(there, 1, 1, right | {"not-there": ""})
    finally:
        server.stop()


def test_the_client_sends_again_what_was_not_answered(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 2000)
    outcome: dict[str, object] = {}
    # The first request goes to a port whose owner drops it and then makes way for the server.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((HOST, 0))
        deaf.settimeout(5.0)
        port = deaf.getsockname()[1]
        job = {"server": [HOST, port], "phones": [HOST], "files": ["a"]}
        client = threading.Thread(target=lambda: outcome.update(perform(job)))
        client.start()
        deaf.recv(600)
    server = TftpServer(tmp_path, HOST, port, Timeline().observer("tftp"))
    server.start()
    client.join(10.0)
    server.stop()
    assert outcome["resent"] == 1


def test_a_server_that_is_not_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BENCH_SERVERS", "")
    monkeypatch.setattr("bench.servers.SYSTEM", "")
    with (
        pytest.raises(BenchFault, match="atftpd is missing"),
        running("atftpd", tmp_path, HOST, [], tmp_path),
    ):
        pass


def test_two_servers_are_compared_from_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "result.json"
    servers = ["--servers", "harness", "tftpy", "--against", "tftpy"]
    assert main([*servers, "--rounds", "1", "--clients", "2", "--json", str(target)]) == 0
    result = json.loads(target.read_text())
    assert [(one["server"], one["clients"]) for one in result["measurements"]] == [
        ("tftpy", 2),
        ("harness", 2),
    ]
    assert "| 2 | tftpy |" in capsys.readouterr().out
