"""A bench whose devices outlive the harness, as those of a real one do, and nights on it.

PDU, keypad and phone are twins in a process of the test's own; lab.yaml names them as it names
hardware. What an outlet or a key is after a kill is read from the devices themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.keypad.frames import encode
from harness.lab import load_lab
from harness.provisioning.firmware import load_manifest, make_up
from harness.recovery import leftover_processes
from harness.twins import twin_spec

ROOT = Path(__file__).parents[3]
NIGHT = Path(__file__).parent / "night"

LAB = """
name: surviving
network: {{interface: lo, host: 127.62.0.1}}
virtual: {{speed: 80, installed: {{desk: SIP42.9-3-1SR4-1S}}}}
power:
  pdu-1: {{address: "{pdu}", outlets: 2, rest: "{rest}"}}
keypads:
  keypad-1: {keypad}
pbx: {{address: 127.62.0.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.62.0.3}}
provisioning: {{load: SIP42.9-3-1SR4-1S, firmware: "{firmware}"}}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    kind: {kind}
    address: 127.62.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201", password: "{password}"}}]
"""
NAMESPACE = """
name: surviving-network
network: {namespace: surviving, interface: phones, host: 10.62.0.1, prefix: 24, dhcp: true}
virtual: {speed: 80}
power:
  pdu-1: {address: virtual, outlets: 2}
keypads:
  keypad-1: {port: virtual}
pbx: {address: 10.62.0.2}
peers:
  alice: {extension: "211", tone: 440, address: 10.62.0.3}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 10.62.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{user: "201"}]
"""
PASSWORD = "Kx7Qm2Lp9Rs4"


#: The harness; it kills itself after one step of a recovery, if one is named.
_MAIN = """
import os, sys
from harness.cli import main
step = os.environ.get("KILLED_AFTER")
if step:
    import harness.recovery.recovering as module
    original = getattr(module, step)
    def then_die(*args, **kwargs):
        result = original(*args, **kwargs)
        print("killed after", step, flush=True)
        os.kill(os.getpid(), 9)
    setattr(module, step, then_die)
sys.exit(main())
"""


@dataclass
class Ended:
    """A night that ended: exit code, what it printed, and what was seen in it."""

    code: int
    output: str
    watched: list[dict[str, Any]]
    pid: int

    @property
    def records(self) -> list[dict[str, Any]]:
        return [each for each in self.watched if "seq" in each]

    @property
    def steps(self) -> list[str]:
        """The steps it was ended at."""
        return [each["ended at"] for each in self.watched if "ended at" in each]


class Nights:
    """Nights of the harness on one lab, in a folder with a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lab = folder / "lab.yaml"
        self.runs = folder / "runs"
        self.state = folder / "state"

    def night(self, *more: str, at: str = "", by: str = "SIGKILL", suite: Path = NIGHT) -> Ended:
        """Run a night, or go on with one; ``at`` a step it ends itself."""
        arguments = ["nightly", "--plain", "--lab", str(self.lab), "--runs-dir", str(self.runs)]
        arguments += [] if "--resume" in more else ["--suite", str(suite)]
        watched = self.folder / "watched"
        watched.unlink(missing_ok=True)
        environment = {"END_AT": at, "END_BY": by, "WATCHED": str(watched)}
        pid, code, output = self._harness([*arguments, *more], environment)
        # A night that could not begin was seen by nobody.
        text = watched.read_text() if watched.exists() else ""
        seen = [json.loads(line) for line in text.splitlines()]
        return Ended(code, output, seen, pid)

    def recover(self, *, killed_after: str = "") -> tuple[int, str]:
        """Recover; ``killed_after`` a function of its module, if one is named."""
        arguments = ["recover", "--lab", str(self.lab)]
        _, code, output = self._harness(arguments, {"KILLED_AFTER": killed_after})
        return code, output

    def _harness(self, arguments: list[str], environment: dict[str, str]) -> tuple[int, int, str]:
        log = self.folder / "output"
        with log.open("w") as output:
            # Its children keep its output open after a kill, so it is not a pipe.
            process = subprocess.Popen(
                [sys.executable, "-c", _MAIN, *arguments],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment, "PHONE_BENCH_STATE": str(self.state)},
            )
            try:
                code = process.wait(100)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                process.wait(30)
                raise AssertionError(log.read_text()) from None
        return process.pid, code, log.read_text()

    def journals(self) -> list[Path]:
        return sorted(self.state.glob("*.journal"))

    def run(self) -> Path:
        (run,) = (
            path
            for path in self.runs.iterdir()
            if (path / "run.json").exists() and not path.is_symlink()
        )
        return run

    def head(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.run() / "run.json").read_text())
        return loaded

    def results(self) -> list[dict[str, Any]]:
        lines = (self.run() / "results.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


class SurvivingBench(Nights):
    """Nights on devices that outlive them."""

    def __init__(self, folder: Path, *, gantry: bool = False, rest: str = "on") -> None:
        super().__init__(folder)
        firmware = folder / "firmware"
        make_up(load_manifest("SIP42.9-3-1SR4-1S"), firmware)
        keypad = "{{driver: grbl, port: {port}}}" if gantry else "{{port: {port}}}"
        values = {"rest": rest, "firmware": firmware, "password": PASSWORD}
        twins = folder / "twins.yaml"
        twins.write_text(
            LAB.format(
                pdu="virtual", keypad=keypad.format(port="virtual"), kind="virtual", **values
            )
        )
        with (folder / "twins.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "harness.virtual"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(twin_spec(load_lab(twins), folder / "flash")) + "\n")
        self._process.stdin.flush()
        endpoints = json.loads(self._process.stdout.readline())
        self.pdu = endpoints["pdus"]["pdu-1"]
        self.port = endpoints["keypads"]["keypad-1"]
        self.lab.write_text(
            LAB.format(
                pdu=self.pdu, keypad=keypad.format(port=self.port), kind="hardware", **values
            )
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def outlet_is_on(self, outlet: int = 1) -> bool:
        _, host, port, _ = self.pdu.split("::")
        with socket.create_connection((host, int(port)), timeout=5) as pdu:
            pdu.sendall(b"OUTP%d:STAT?\n" % outlet)
            return pdu.makefile().readline().strip() == "1"

    def was_down(self, key: str) -> bool:
        """Tell a matrix controller to let go of a key: it reports a movement if it was down."""
        with _raw(self.port) as port:
            seq = 4000 + int(time.time()) % 1000
            os.write(port, encode(f">{seq} up {key}"))
            heard = b""
            while f"<{seq} ".encode() not in heard:
                heard += os.read(port, 4096)
            return f"key {key} up".encode() in heard

    def stylus_height(self) -> float:
        """Ask a gantry where its stylus is, in mm; without a reset, which would lift it."""
        with _raw(self.port) as port:
            os.write(port, b"?")
            heard = b""
            while not heard.endswith(b">\r\n"):
                heard += os.read(port, 4096)
            place = heard.decode().rpartition("MPos:")[2].partition("|")[0]
            return float(place.split(",")[2])


def left_by(ended: Ended, owner: str) -> list[str]:
    """Containers, networks and processes of a harness process that is gone."""
    mark = f"phone-bench-{ended.pid}-"
    listed = subprocess.run(
        ["podman", "ps", "-a", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
    )
    found = [name for name in listed.stdout.split() if name.startswith(mark)]
    names = Path("/run/netns")
    found += [p.name for p in names.iterdir() if p.name.startswith(mark)] if names.is_dir() else []
    return found + [f"{name} {pid}" for pid, name in leftover_processes(owner).items()]


@contextlib.contextmanager
def _raw(port: str) -> Iterator[int]:
    handle = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        termios.tcflush(handle, termios.TCIOFLUSH)
        yield handle
    finally:
        os.close(handle)
