"""The embedded TFTP server against a client not written here: tftp-hpa."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.events import FileServed
from harness.provisioning import TftpServer, load_manifest, make_up
from harness.timeline import Timeline

pytestmark = pytest.mark.integration
HOST = "127.43.6.1"


def get(port: int, name: str, target: Path) -> None:
    program = shutil.which("tftp")
    assert program is not None, "tftp is missing: apt-get install tftp-hpa"
    command = [program, "-m", "binary", HOST, str(port), "-c", "get", name, str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_eight_clients_fetch_the_articles_firmware(tmp_path: Path) -> None:
    root = tmp_path / "root"
    firmware = load_manifest("SIP42.9-3-1SR4-1S")
    make_up(firmware, root)
    timeline = Timeline()
    server = TftpServer(root, HOST, 0, timeline.observer("tftp"))
    server.start()

    def fetch_all(client: int) -> None:
        for name in firmware.names:
            target = tmp_path / f"{client}-{name}"
            get(server.port, name, target)
            assert target.read_bytes() == (root / name).read_bytes()

    try:
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(fetch_all, range(8)))
    finally:
        server.stop()
    served = timeline.events(FileServed)
    assert len(served) == 8 * len(firmware.names)
    assert {event.name: event.size for event in served} == {
        path.name: path.stat().st_size for path in root.iterdir()
    }
