"""``harness serve``: what it is told in vain, and that it ends in order."""

from __future__ import annotations

import http.client
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main


def test_a_port_that_is_taken_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ["serve", "--runs-dir", str(tmp_path), "--lab", str(tmp_path / "none.yaml")]
        assert main([*words, "--port", port]) == 2
    told = capsys.readouterr().err
    assert f"127.0.0.1 port {port}" in told
    assert "--port" in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--port", "70000"], "port 70000"),
        (["--port", "-1"], "port -1"),
        (["--host", "192.0.2.1", "--port", "0"], "cannot serve at 192.0.2.1"),
        (["--host", "no host", "--port", "0"], "cannot serve at no host"),
        (["--name", "http://bench/", "--port", "0"], "no name of a host"),
        (["--runs-dir", "no/where", "--port", "0"], "cannot hold runs"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["serve", *words]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told


def test_a_viewer_does_not_hold_it_up(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.cli", "serve", "--port", "0"]
    root = Path(__file__).parents[3]
    command += ["--runs-dir", str(tmp_path / "runs"), "--lab", str(tmp_path / "none.yaml")]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as station:
        assert station.stdout is not None
        assert select.select([station.stdout], [], [], 30)[0]
        address = station.stdout.readline().split()[0]
        port = int(address.strip("/").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as viewer:
            viewer.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in viewer.recv(4096)
            station.send_signal(signal.SIGINT)
            _, told = station.communicate(timeout=10)
        assert (station.returncode, told) == (0, "")


def test_open_to_a_network_it_tells_and_takes_the_name_of_this_machine(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.cli", "serve", "--host", "0.0.0.0", "--port", "0"]
    command += ["--runs-dir", str(tmp_path / "runs"), "--lab", str(tmp_path / "none.yaml")]
    command += ["--name", "bench.example.net"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as station:
        assert station.stdout is not None
        assert select.select([station.stdout], [], [], 30)[0]
        address = station.stdout.readline().split()[0]
        assert address.startswith(f"http://{socket.gethostname()}:")
        port = int(address.strip("/").rpartition(":")[2])
        for host, status in {
            socket.gethostname(): 200, "bench.example.net": 200, "evil.example": 400,
        }.items():  # fmt: skip
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/", headers={"Host": host})
            assert connection.getresponse().status == status, host
            connection.close()
        station.send_signal(signal.SIGINT)
        assert station.wait(timeout=10) == 0


def test_a_folder_that_goes_away_ends_it_with_a_sentence(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = [sys.executable, "-m", "harness.cli", "serve", "--port", "0"]
    root = Path(__file__).parents[3]
    command += ["--runs-dir", str(runs), "--lab", str(tmp_path / "none.yaml")]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as station:
        assert station.stdout is not None
        assert select.select([station.stdout], [], [], 30)[0]
        station.stdout.readline()
        runs.rmdir()
        _, told = station.communicate(timeout=15)
        assert station.returncode == 2, told
        assert f"{runs} cannot be followed" in told
