"""A bench on another machine: labgrid's coordinator and exporter, ser2net, a phone and its robot.

The phone, its outlet and its keypad are twins in a process that the harness under test does not
start and cannot know. Its outlet strip is behind an HTTP relay, one of labgrid's power models.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.lab import ScpiPowerSpec, load_lab
from harness.power import OutletState, SwitchedOutlets, open_power
from harness.timeline import Timeline
from harness.twins import Twins

#: In a network of its own, on an interface that is no loopback: without one ser2net finds no
#: address to listen on.
HERE = "10.58.0.1"
COORDINATOR = f"{HERE}:20408"
EXPORTER = "bench-b"

#: Model, MAC address, address, tone and user of each phone, here and over there.
_PHONES = {
    "desk": ("7942G", "00:24:C4:AB:CD:EF", "127.58.0.42", 1090, "201"),
    "desk-2": ("7962G", "00:24:C4:AB:CD:F0", "127.58.0.62", 1370, "202"),
    "desk-3": ("7942G", "00:24:C4:AB:CD:F1", "127.58.0.43", 1430, "203"),
    "desk-4": ("7962G", "00:24:C4:AB:CD:F2", "127.58.0.63", 1490, "204"),
}


def _phone(name: str, outlet: str, keypad: str, kind: str = "") -> str:
    """Return the entry of a phone, to stand under ``phones``."""
    model, mac, address, tone, user = _PHONES[name]
    kept = f"\n    kind: {kind}" if kind else ""
    return f"""\
  {name}:
    model: {model}{kept}
    mac: {mac}
    address: {address}
    outlet: {outlet}
    keypad: {keypad}
    tone: {tone}
    lines: [{{user: "{user}"}}]
"""


#: What is over there, as somebody else would describe it.
THEIRS = """
name: over-there
network: {interface: lo, host: 127.58.0.1}
virtual: {speed: 40}
power: {strip: {address: virtual, outlets: 4}}
keypads:
  robot: {port: virtual}
  robot-2: {port: virtual}
  frame:
    driver: grbl
    port: virtual
    positions:
      desk-3: {corner: [-560, -225]}
      desk-4: {corner: [-285, -225], sensor: virtual}
peers: {}
phones:
"""
THEIRS += (
    _phone("desk", "strip/1", "robot")
    + _phone("desk-2", "strip/2", "robot-2")
    + _phone("desk-3", "strip/3", "frame")
    + _phone("desk-4", "strip/4", "frame")
)

_DESK = _phone("desk", "pdu/power", "keypad", "hardware")

OURS = f"""
name: remote
network: {{interface: lo, host: 127.58.0.1}}
labgrid: {{coordinator: "{COORDINATOR}", python: PYTHON}}
power:
  pdu: {{driver: place, address: desk-1, outlets: [power]}}
keypads:
  keypad: {{port: "labgrid:desk-1/keypad"}}
pbx: {{address: 127.58.0.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.58.0.3}}
provisioning: {{firmware: release}}
phones:
{_DESK}"""


#: Replacements in `OURS` for a lab with a second phone, in a place of its own.
BOTH_DESKS = (
    ("\nkeypads:", "\n  pdu-2: {driver: place, address: desk-2, outlets: [power]}\nkeypads:"),
    ("\npbx:", '\n  keypad-2: {port: "labgrid:desk-2"}\npbx:'),
    (_DESK, _DESK + _phone("desk-2", "pdu-2/power", "keypad-2", "hardware")),
)

#: The same for a lab with the two phones under the gantry, all of it in one place.
BOTH_UNDER_THE_FRAME = (
    ("\nkeypads:", "\n  pdu-3: {driver: place, address: frame, outlets: [left, right]}\nkeypads:"),
    (
        "\npbx:",
        """
  gantry:
    driver: grbl
    port: labgrid:frame/stylus
    positions:
      desk-3: {corner: [-560, -225]}
      desk-4: {corner: [-285, -225], sensor: "labgrid:frame/eyes"}
pbx:""",
    ),
    (
        _DESK,
        _DESK
        + _phone("desk-3", "pdu-3/left", "gantry", "hardware")
        + _phone("desk-4", "pdu-3/right", "gantry", "hardware"),
    ),
)


def labgrid_bin() -> Path:
    """The programs of labgrid that `make install` puts there."""
    cache = Path(os.environ.get("PHONE_BENCH_CACHE", Path.home() / ".cache" / "phone-bench"))
    found = cache / "labgrid" / "bin"
    assert (found / "labgrid-coordinator").exists(), f"no labgrid in {found}: make install"
    return found


def until(good: Callable[[], bool], within: float = 20.0) -> None:
    """Wait for what other processes do and tell nobody: ask again, not too often."""
    pause, deadline = threading.Event(), time.monotonic() + within
    while not good():
        assert time.monotonic() < deadline, f"not within {within} s"
        pause.wait(0.05)


class Program:
    """One of labgrid's servers, its log in a file."""

    def __init__(self, folder: Path, *words: str, ready: str) -> None:
        self._log = folder / f"{words[0]}.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [str(labgrid_bin() / words[0]), *words[1:]],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(lambda: ready in self.log or self.process.poll() is not None)
        assert ready in self.log, self.log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        try:
            self.process.wait(15.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class RemoteBench:
    """What is over there, and labgrid's client to look at it without the harness."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        theirs = folder / "theirs"
        theirs.mkdir()
        (theirs / "lab.yaml").write_text(THEIRS, encoding="utf-8")
        lab = load_lab(theirs / "lab.yaml")
        #: What the twins did, as they tell it: the truth behind all the wires.
        self.truth = Timeline()
        twins = Twins(lab, theirs / "state", self.truth.observer("twins"))
        stack.callback(twins.stop)
        twins.start()
        spec = lab.power["strip"]
        assert isinstance(spec, ScpiPowerSpec)
        self.strip = open_power(spec, "strip", Timeline().observer("strip"), twins.pdus["strip"])
        stack.callback(self.strip.close)
        relay = stack.enter_context(http_relay(self.strip))
        (folder / "exporter.yaml").write_text(
            json.dumps(
                {
                    "desk-1": {
                        "power": _power_port(relay, 1),
                        "keypad": _serial_port(twins.keypads["robot"]),
                    },
                    "desk-2": {
                        "power": _power_port(relay, 2),
                        "keypad": _serial_port(twins.keypads["robot-2"]),
                    },
                    "frame": {
                        "left": _power_port(relay, 3),
                        "right": _power_port(relay, 4),
                        "stylus": _serial_port(twins.keypads["frame"]),
                        "eyes": _serial_port(twins.sensors["frame/desk-4"]),
                    },
                }
            )
        )
        self._stack = stack
        self.coordinator = self.start_coordinator()
        self.exporter = self.start_exporter()
        self.add_places()

    def add_places(self) -> None:
        """Describe the places that the coordinator does not know."""
        known = self.client("places").split()
        for place in {"desk-1", "desk-2", "frame"} - set(known):
            self.client("-p", place, "create")
            self.client("-p", place, "add-match", f"{EXPORTER}/{place}/*")

    def start_coordinator(self) -> Program:
        program = Program(
            self.folder, "labgrid-coordinator", "-l", COORDINATOR, ready="listening on"
        )
        self._stack.callback(program.end)
        return program

    def start_exporter(self) -> Program:
        words = ["-c", COORDINATOR, "-n", EXPORTER, "--hostname", HERE, "exporter.yaml"]
        program = Program(self.folder, "labgrid-exporter", *words, ready="Exporter ready")
        self._stack.callback(end_ser2net, program.process.pid)
        self._stack.callback(program.end)
        until(lambda: self.client("resources").count("\n") == 8)
        return program

    def client(self, *words: str, user: str = "alice", host: str = "elsewhere") -> str:
        """Run labgrid-client as somebody else, on another machine."""
        done = subprocess.run(
            [str(labgrid_bin() / "labgrid-client"), "-x", COORDINATOR, *words],
            cwd=self.folder,
            env={**os.environ, "LG_USERNAME": user, "LG_HOSTNAME": host},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def holder(self, place: str) -> str:
        """Who holds a place, as labgrid shows it; empty when nobody does."""
        match = re.search(r"^ *acquired: (.*)$", self.client("-p", place, "show"), re.MULTILINE)
        assert match is not None
        return "" if match[1] == "None" else match[1]

    def is_on(self, number: int) -> bool:
        return self.strip.state(str(number)) is OutletState.ON


def _power_port(relay: str, index: int) -> dict[str, Any]:
    return {"cls": "NetworkPowerPort", "model": "simplerest", "host": relay, "index": index}


def _serial_port(device: str) -> dict[str, Any]:
    # The twin's name for it is a link, and an exporter takes only what begins with /dev.
    return {"cls": "RawSerialPort", "port": str(Path(device).resolve()), "speed": 115200}


def worker_of(process: int) -> int:
    """The process with labgrid in it that holds places for a harness."""
    children = [
        child
        for task in Path(f"/proc/{process}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    (worker,) = (
        child
        for child in children
        if b"places/worker.py" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    return int(worker)


def ser2net_of(exporter: int) -> list[int]:
    """The ser2net processes of an exporter; after its death nobody's child."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            # A network of our own: no other ser2net is in it.
            same = (entry / "ns/net").readlink() == Path("/proc/thread-self/ns/net").readlink()
            if words[0].endswith(b"ser2net") and same and parent in (exporter, 1):
                found.append(int(entry.name))
    return found


def end_ser2net(exporter: int) -> None:
    for pid in ser2net_of(exporter):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def http_relay(strip: SwitchedOutlets) -> Iterator[str]:
    """The strip behind HTTP, as labgrid's ``simplerest`` expects it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            outlet, _, value = self.path.removeprefix("/relay/").partition("/")
            if value:
                strip.set(outlet, on=value == "1")
            body = b"1" if strip.state(outlet) is OutletState.ON else b"0"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base's word)
            pass

    server = ThreadingHTTPServer((HERE, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://{HERE}:{server.server_address[1]}/relay/{{index}}/{{value}}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2.0)
