"""A phone twin with outlet, keypad and provisioning server, and nobody to register with."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.bench import Bench
from harness.events import FileRequested, Note
from harness.phone import Phone
from harness.provisioning.tftp import TftpServer
from harness.timeline import Mark, Timeline

HOST, OTHER = "127.57.2.1", "127.57.2.9"
LAB = """
name: windows
network: {{interface: lo, host: {host}}}
virtual: {{speed: 100, boot_loader_s: {boot_loader_s}}}
power:
  pdu-1: {{address: virtual, outlets: 2}}
keypads:
  keypad-1: {{port: virtual}}
pbx: {{address: 127.57.2.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.57.2.3}}
phones:
  desk:
    model: {model}
    mac: 00:24:C4:AB:CD:EF
    address: 127.57.2.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201"}}]
"""


@dataclass
class Station:
    """One phone twin with its outlet, its keypad and a provisioning server, but no PBX."""

    bench: Bench
    timeline: Timeline
    state: Path

    @property
    def phone(self) -> Phone:
        return self.bench.phones["desk"]

    def wait_booted(self, since: Mark, within: float = 20.0) -> None:
        """Its windows open after the last file of a boot, the console last."""
        self.timeline.wait_for(
            Note,
            within=within,
            since=since,
            where=lambda note: "sshd: listening" in note.text,
        )

    def asked(self, since: Mark) -> list[str]:
        """Which TFTP server was asked for the phone's own files since a mark, in order."""
        return [
            record.source
            for record in self.timeline.records(since)
            if isinstance(record.event, FileRequested)
        ]

    def second_server(self, stack: ExitStack) -> None:
        """Serve the same files at another address, as ``tftp-2``."""
        server = TftpServer(
            self.bench.provisioning.root, OTHER, 69, self.timeline.observer("tftp-2"),
            {"127.57.2.42": "desk"},
        )  # fmt: skip
        server.start()
        stack.callback(server.stop)
