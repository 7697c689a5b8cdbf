"""A `harness serve` of its own, and a page on which every fault is written down."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page

ROOT = Path(__file__).parents[3]


@dataclass
class Station:
    """A `harness serve` of its own."""

    runs: Path
    process: subprocess.Popen[str]
    address: str

    def interrupt(self) -> int:
        """Press Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=10)


def start(runs: Path, *words: str) -> Station:
    command = [sys.executable, "-m", "harness.cli", "serve", "--runs-dir", str(runs)]
    command += ["--lab", str(runs / "lab.yaml"), *(words or ("--port", "0"))]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 30)[0], "the station does not come up"
    line = process.stdout.readline()
    assert line.startswith("http://127.0.0.1:"), line
    return Station(runs, process, line.split()[0])


@dataclass
class Viewer:
    """A page, and what went wrong on it: console errors, requests to anybody else."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def watch(self, own: str) -> None:
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        allowed = (own, "data:")
        self.page.on(
            "request", lambda r: None if r.url.startswith(allowed) else self.wrong.append(r.url)
        )

    def _told(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"{message.text} {message.location}")

    def wait(self, selector: str, seconds: float = 20.0) -> None:
        """Wait until something is on the page; its policy lets nobody evaluate conditions there."""
        self.page.locator(selector).first.wait_for(state="attached", timeout=seconds * 1000)
