"""A reader of the documentation: a copy of the project, a network of its own, and a shell."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from harness.state import STATE_VARIABLE
from tools.doc_pages import ROOT

#: The longest a page's command may take; the dearest is a template change tried on two phones.
COMMAND_S = 300.0


def not_in_a_checkout(folder: str, names: list[str]) -> set[str]:
    """What is beside a checkout's files in the folder one works in."""
    made = {name for name in names if name == "__pycache__" or name.endswith("_cache")}
    if Path(folder) == ROOT:
        made |= {".git", ".venv", "runs", "site", "rendered", ".hypothesis"} & set(names)
    return made


class Reader:
    """Types into a shell in a copy of the project; what one command exports, the next has."""

    def __init__(self, folder: Path, network: str) -> None:
        self.project = folder / "project"
        self.here = folder
        self._network = network
        self._state = folder / "exported"
        self._state.touch()
        shutil.copytree(ROOT, self.project, ignore=not_in_a_checkout)
        (self.project / ".venv").symlink_to(sys.prefix)
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        for step in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
            subprocess.run(["git", *who, *step], cwd=self.project, check=True)

    def type(
        self, text: str, until: str = "", interrupt: Callable[[int, int], None] = os.killpg
    ) -> tuple[int, str]:
        """Run it; with ``until`` it is interrupted when it has said that, by default by Ctrl-C."""
        script = f". {self._state}\n{text}\ncode=$?\nexport -p > {self._state}\nexit $code"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
        with subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self._network}", "--", "bash", "-c", script],
            cwd=self.project,
            env={
                **os.environ,
                "PATH": path,
                "PYTHONPATH": str(self.project),
                # Walks go side by side, and one of them takes a bench away by force.
                STATE_VARIABLE: str(self.project.parent / "state"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            late = threading.Timer(COMMAND_S, os.killpg, (process.pid, signal.SIGKILL))
            late.start()
            lines = []
            waiting = until
            for line in process.stdout or ():
                lines.append(line)
                if waiting and waiting in line:
                    waiting = ""
                    interrupt(process.pid, signal.SIGINT)
            code = process.wait()
            late.cancel()
        return code, "".join(lines)
