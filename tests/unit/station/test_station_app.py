"""The station asked by HTTP: who may ask, by which method, and for which files."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from harness.runs import Verdict
from harness.station.app import make_app
from harness.station.board import Board
from tests.unit.station.made_up_run import MadeUpRun

SECRET = "OpenSesame99"
Get = Callable[..., http.client.HTTPResponse]


@pytest.fixture
def get(tmp_path: Path) -> Iterator[Get]:
    """Ask a station that serves ``tmp_path/runs``; paths go out as they are."""
    board = Board()
    app = make_app(board, tmp_path / "runs", hosts=["localhost", "127.0.0.1", "[::1]"])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = threading.Thread(target=server.run, args=([listener],))
        serving.start()
        opened: list[http.client.HTTPConnection] = []

        def ask(path: str, method: str = "GET", host: str = "") -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            opened.append(connection)
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", host or f"127.0.0.1:{port}")
            connection.endheaders()
            return connection.getresponse()

        yield ask
        for connection in opened:
            connection.close()
        server.should_exit = True
        serving.join(timeout=10)
        assert not serving.is_alive()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[MadeUpRun]:
    """A run with evidence, what it was run with, and traps all around."""
    runs = tmp_path / "runs"
    made = MadeUpRun(runs)
    made.end("test_a[desk]", Verdict.PRODUCT_FAULT)
    made.finish()
    (runs / "latest").symlink_to(made.directory.name)
    (runs / "elsewhere").symlink_to(tmp_path)
    (tmp_path / "report.html").write_text("beside the runs")
    contents = {
        "tests/t/ladder.txt": f"password={SECRET}\nand {SECRET}\n",
        "tests/t/page.html": f"<p>{SECRET}</p>",
        "tests/t/.hidden.txt": "x",
        "tests/t/core.77": SECRET,
        "tests/t/sub/transfers.txt": "x",
        "phones/desk/screen.png": "\x89PNG",
        "tftp/SEP1.cnf.xml": f"<authPassword>{SECRET}</authPassword>",
        "pbx/etc/pjsip.conf": f"password={SECRET}",
        "twins/desk.flash.json": "{}",
        "peers/alice/pjsua.log": "x",
    }
    for name, text in contents.items():
        path = made.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (made.directory / "tests" / "t" / "out.txt").symlink_to("/etc/hostname")
    (made.directory / "tests" / "out").symlink_to(tmp_path)
    (tmp_path / "beside.txt").write_text("beside the runs")
    yield made
    made.close()


def test_evidence_is_shown_and_no_secret_in_it(run: MadeUpRun, get: Get) -> None:
    for name in ("night-1", "latest"):
        answer = get(f"/runs/{name}/tests/t/ladder.txt")
        text = answer.read().decode()
        assert (answer.status, text) == (200, "password=[hidden]\nand [hidden]\n")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    page = get("/runs/night-1/tests/t/page.html")
    assert "[hidden]" in page.read().decode()
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert "allow-same-origin" not in page.headers["Content-Security-Policy"]
    assert get("/runs/night-1/report.html").status == 200
    assert get("/runs/night-1/phones/desk/screen.png").headers["Content-Type"] == "image/png"
    listed = get("/runs/night-1/tests/t/").read().decode()
    assert 'href="ladder.txt"' in listed
    assert 'href="sub/"' in listed
    for hidden in ("out.txt", ".hidden", "core.77"):
        assert hidden not in listed


@pytest.mark.parametrize(
    "path",
    [
        "/runs/night-1/tftp/SEP1.cnf.xml",
        "/runs/night-1/tftp/",
        "/runs/night-1/pbx/etc/pjsip.conf",
        "/runs/night-1/twins/desk.flash.json",
        "/runs/night-1/peers/alice/pjsua.log",
        "/runs/night-1/timeline.jsonl",
        "/runs/night-1/run.json",
        "/runs/night-1/tests/t/core.77",
        "/runs/night-1/tests/t/.hidden.txt",
        "/runs/night-1/tests/t/out.txt",
        "/runs/night-1/tests/out/beside.txt",
        "/runs/night-1/tests/out/",
        "/runs/elsewhere/beside.txt",
        "/runs/elsewhere/report.html",
        "/runs/elsewhere/runs/night-1/report.html",
        "/runs/../beside.txt",
        "/runs/night-1/tests/../../../beside.txt",
        "/runs/night-1/tests/t/../../tftp/SEP1.cnf.xml",
        "/runs/night-1/tests/..%2f..%2f..%2fbeside.txt",
        "/runs/%2e%2e/beside.txt",
        "/runs/night-1/tests/%2e%2e/tftp/SEP1.cnf.xml",
        "/runs/night-1/tests/%252e%252e/tftp/SEP1.cnf.xml",
        "/runs//etc/hostname",
        "/runs/night-1//etc/hostname",
        "/runs/%2fetc/hostname",
        "/runs/night-1/tests/t/ladder.txt%00.html",
        "/runs/night-1/tests/" + "x" * 5000 + ".txt",
        "/runs/history.sqlite",
        "/runs/history.sqlite/report.html",
        "/runs/night-1/",
        "/runs/night-1",
        "/runs/",
        "/runs/.",
        "/runs/night-1/tests/t/ladder.txt/",
        "/runs/night-1/tests/t",
        "/docs",
    ],
)
def test_nothing_else_is_shown(run: MadeUpRun, get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status == 404, path
    text = answer.read().decode()
    assert SECRET not in text
    assert "beside the runs" not in text


def test_each_trap_would_be_found(run: MadeUpRun) -> None:
    """The files the test above asks for are there; it is the station that does not show them."""
    for name in ("tftp/SEP1.cnf.xml", "tests/t/out.txt", "tests/out/beside.txt", "tests/t/core.77"):
        assert (run.directory / name).is_file()
    assert (run.runs / "elsewhere" / "report.html").is_file()
    assert (run.runs / "elsewhere" / "runs" / "night-1" / "report.html").is_file()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8042", "localhost.evil.example", "10.0.0.1"]
)
def test_a_name_that_a_stranger_can_lead_here_is_refused(
    run: MadeUpRun, get: Get, host: str
) -> None:
    for path in ("/", "/events", "/runs/night-1/report.html"):
        assert get(path, host=host).status == 400


def test_its_own_names_are_taken_and_every_answer_has_its_policy(get: Get) -> None:
    for host in ("localhost", "localhost:8042", "[::1]:8042", "127.0.0.1"):
        answer = get("/", host=host)
        assert answer.status == 200
    for path in ("/", "/events", "/station.js", "/nowhere"):
        headers = get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert get("/", host="evil.example").headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_only_reads(run: MadeUpRun, get: Get, method: str) -> None:
    for path in ("/", "/events", "/runs/night-1/report.html"):
        assert get(path, method).status == 405
