"""A live network followed: what phones ask for and say, and what is wrong as soon as it shows."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from harness.diagnosis.case import Case, Clue
from harness.diagnosis.diagnose import diagnose
from harness.diagnosis.diagnosis import Confidence, Diagnosis
from harness.diagnosis.reading import read_lines
from harness.errors import BenchFault
from harness.evidence import Recollection

__all__ = ["LIVE_FILTER", "Watch"]

#: SIP, what is asked of TFTP and its data, provisioning by HTTP.
LIVE_FILTER = "port 5060 or udp port 69 or tcp port 6970 or udp portrange 32768-65535"
#: Clues kept: some hours of a dozen phones; what is older explains nothing new.
_KEPT = 20_000
#: A pause this long (seconds) after a clue is a good moment to think.
_PAUSE = 0.5


class Watch:
    """Follow any number of sources and yield, as they come, clues and fresh diagnoses.

    Usable once, as a context manager; on leaving, what it started is ended.
    """

    def __init__(self) -> None:
        self._clues: deque[Clue] = deque(maxlen=_KEPT)
        self._seen: queue.Queue[Clue | BenchFault] = queue.Queue()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._told: dict[tuple[str, str], Confidence] = {}

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for thread in self._threads:
            thread.join(2.0)
        for process in self._processes:
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def follow_log(self, path: Path) -> None:
        """Follow what is appended to a log from now on, also when it is rotated.

        Raises:
            BenchFault: the log is not there, or ``tail`` cannot be run.
        """
        try:
            # By bytes: what is written before tail has started must not be missed.
            start = path.stat().st_size + 1
        except OSError as error:
            raise BenchFault(f"cannot follow {path}: {error.strerror}", device=path.name) from error
        self._follow(["tail", "-c", f"+{start}", "-F", str(path)], path.name, self._lines)

    def follow_command(self, command: Sequence[str]) -> None:
        """Follow what a program prints, such as ``asterisk -rvvv``.

        Raises:
            BenchFault: it cannot be run.
        """
        self._follow(list(command), Path(command[0]).name, self._lines)

    def follow_wire(self, interface: str, expression: str = LIVE_FILTER) -> None:
        """Follow an interface; returns when packets sent from now on are seen.

        Raises:
            BenchFault: ``tcpdump`` cannot be run, or cannot use the interface or the expression.
        """
        command = ["tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-s", "0"]
        began = threading.Event()

        def packets(stream: IO[bytes], name: str) -> Iterator[Clue]:
            recollection = Recollection()
            while chunk := stream.read(65536):
                # tcpdump writes the file's header once its socket is bound and filtered.
                began.set()
                for seen in recollection.feed(chunk):
                    yield Clue(f"{name} frame {seen.frame}", seen.event, seen.time)
            began.set()

        self._follow([*command, "-w", "-", expression], interface, packets)
        began.wait(5.0)

    def changes(self, patience: float | None = None) -> Iterator[Clue | Diagnosis]:
        """Yield what is seen and what it means.

        Args:
            patience: seconds without anything new after which to return; None waits on.

        Raises:
            BenchFault: a source ended.
        """
        waited, fresh = 0.0, False
        while patience is None or waited < patience:
            try:
                clue = self._seen.get(timeout=_PAUSE)
            except queue.Empty:
                waited += _PAUSE
                if fresh:
                    fresh = False
                    yield from self._think()
                continue
            if isinstance(clue, BenchFault):
                yield from self._think()
                raise clue
            waited, fresh = 0.0, True
            self._clues.append(clue)
            yield clue

    def _think(self) -> Iterator[Diagnosis]:
        order = list(Confidence)
        for found in diagnose(Case(list(self._clues))):
            key = found.rule, found.device
            before = self._told.get(key)
            if before is None or order.index(found.confidence) < order.index(before):
                self._told[key] = found.confidence
                yield found

    def _follow(
        self, command: list[str], name: str, read: Callable[[IO[bytes], str], Iterator[Clue]]
    ) -> None:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            raise BenchFault(
                f"{command[0]} cannot be run: {error.strerror}",
                device=name,
                hint=f"apt-get install {command[0]}, or run as root",
            ) from error
        self._processes.append(process)
        thread = threading.Thread(
            target=self._pump, args=(process, name, read), name=f"watch {name}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _pump(
        self,
        process: subprocess.Popen[bytes],
        name: str,
        read: Callable[[IO[bytes], str], Iterator[Clue]],
    ) -> None:
        if process.stdout is None or process.stderr is None:
            return
        for clue in read(process.stdout, name):
            self._seen.put(clue)
        said = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
        self._seen.put(
            BenchFault(f"{name} can no longer be followed", state=said[-1] if said else "it ended")
        )

    @staticmethod
    def _lines(stream: IO[bytes], name: str) -> Iterator[Clue]:
        yield from read_lines((line.decode("utf-8", "replace") for line in stream), name)
