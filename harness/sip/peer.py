"""A peer from the outside: its process, its registration and its calls."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from harness.errors import BenchFault
from harness.events import CallStateChanged, DtmfHeard, Note, Registered
from harness.sip.call import PeerCall
from harness.timeline import Observer, Timeline

__all__ = ["Peer"]

_START_SECONDS = 15.0
_ANSWER_SECONDS = 5.0


class Peer:
    """Somebody with a softphone, at an extension, with a tone of their own.

    Args:
        name: the peer's name in lab.yaml.
        extension: the user it registers as.
        tone: its tone in Hz.
        address: the IP address it speaks from.
        password: of its registration.
        registrar: host and port of the PBX; None to call by URI only.
        observe: writes its events.
        workdir: gets its log and recordings.
        rtp_port: first of the 90 UDP ports it uses for RTP.
    """

    def __init__(
        self,
        name: str,
        extension: str,
        tone: int,
        address: str,
        password: str,
        registrar: tuple[str, int] | None,
        observe: Observer,
        workdir: Path,
        rtp_port: int,
    ) -> None:
        self.name = name
        self.extension = extension
        self.tone = tone
        self.observe = observe
        self.timeline: Timeline = observe.timeline
        self.local = ""
        self._directory = workdir / name
        self._spec = {
            "name": name,
            "extension": extension,
            "tone": tone,
            "address": address,
            "password": password,
            "registrar": f"{registrar[0]}:{registrar[1]}" if registrar else "",
            "rtp_port": rtp_port,
            "directory": str(self._directory.resolve()),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._arrived = threading.Condition()
        self._ready = threading.Event()
        self._gone = ""
        self._registration: tuple[int, str] | None = None
        self._calls: dict[int, PeerCall] = {}
        self._incoming: list[PeerCall] = []

    def start(self) -> None:
        """Start the process and wait until its SIP port is open.

        Raises:
            BenchFault: it ended, or was not ready in time.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        errors = (self._directory / "stderr.log").open("wb")
        with errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "harness.sip.agent"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        threading.Thread(target=self._read, name=f"peer-{self.name}", daemon=True).start()
        self._send(self._spec)
        if not self._ready.wait(_START_SECONDS) or self._gone:
            log = (self._directory / "stderr.log").read_text(errors="replace").strip()
            last = log.splitlines()[-1] if log else "no message"
            self.stop()
            raise BenchFault(
                f"its process did not start: {last}",
                device=self.name,
                expected=f"pjsua2 ready within {_START_SECONDS:.0f} s",
                hint="is pjsua2 installed? pip install pjsua2-python, or make pjsua2-from-source",
            )

    def stop(self) -> None:
        """End the process; its calls go down with it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(3.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def register(self, *, within: float) -> None:
        """Register at the PBX.

        Raises:
            BenchFault: it was refused or not answered: a peer is part of the bench.
        """
        self._registration = None
        self.ask("register")
        with self._arrived:
            self._arrived.wait_for(lambda: self._registration is not None or self._gone, within)
            answer = self._registration
        if answer is None or answer[0] != 200:
            raise BenchFault(
                f"cannot register at {self._spec['registrar']}",
                device=self.name,
                state=f"answer: {answer[0]} {answer[1]}" if answer else "no answer",
                expected=f"200 within {within:.0f} s",
                hint="read the PBX log of this run",
            )

    def set_codecs(self, *names: str) -> None:
        """Allow exactly these codecs (``PCMA``, ``PCMU``, ``G722``, ``GSM``), preferred first."""
        self.ask("codecs", names=list(names))

    def dial(self, number: str) -> PeerCall:
        """Call an extension or a whole SIP URI; returns at once."""
        since = self.timeline.mark()
        answer = self.ask("dial", number=number)
        return self._call(answer["call"], since)

    def wait_incoming(self, *, within: float) -> PeerCall:
        """Return the oldest incoming call nobody took yet; it is ringing.

        Raises:
            BenchFault: the peer's process ended.
            ProductFault: nobody called in time.
        """
        with self._arrived:
            self._arrived.wait_for(lambda: self._incoming or self._gone, within)
            if self._incoming:
                return self._incoming.pop(0)
        self._check_alive()
        self.timeline.wait_for(
            CallStateChanged,
            within=0.0,
            device=self.name,
            since=self.timeline.mark(),
            expected=f"an incoming call at {self.name} ({self.extension}) within {within:.0f} s",
            hint="read the SIP ladder: was the INVITE sent, and where to?",
        )
        raise AssertionError

    def hang_up_all(self) -> None:
        """End every call and forget calls nobody took."""
        self.ask("hangup_all")
        with self._arrived:
            self._incoming.clear()

    def ask(self, command: str, **parameters: Any) -> dict[str, Any]:
        """Send one command to the process and return its answer.

        Raises:
            BenchFault: the process ended, did not answer, or pjsua2 refused.
        """
        self._check_alive()
        number = next(self._ids)
        self._send({"do": command, "id": number, **parameters})
        with self._arrived:
            self._arrived.wait_for(lambda: number in self._answers or self._gone, _ANSWER_SECONDS)
            answer = self._answers.pop(number, None)
        if answer is None:
            self._check_alive()
            raise BenchFault(
                f"its process does not answer '{command}'",
                device=self.name,
                expected=f"an answer within {_ANSWER_SECONDS:.0f} s",
                hint=f"read {self._directory / 'pjsua.log'}",
            )
        if "fault" in answer:
            raise BenchFault(
                f"pjsua2 refused '{command}': {answer['fault']}",
                device=self.name,
                hint=f"read {self._directory / 'pjsua.log'}",
            )
        return answer

    def _check_alive(self) -> None:
        if self._process is None or self._gone:
            raise BenchFault(
                f"its process ended: {self._gone or 'not started'}",
                device=self.name,
                hint=f"read {self._directory / 'stderr.log'}",
            )

    def _send(self, message: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
        except (BrokenPipeError, ValueError):
            self._gone = self._gone or "its pipe is broken"

    def _call(self, number: int, since: int) -> PeerCall:
        with self._arrived:
            if number not in self._calls:
                self._calls[number] = PeerCall(self, number, since)
            return self._calls[number]

    def _read(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        with process.stdout as output:
            for line in output:
                self._take(json.loads(line))
        code = process.wait()
        with self._arrived:
            self._gone = f"exit code {code}"
            self._arrived.notify_all()
        self._ready.set()
        if self._process is not None:
            self.observe(Note(f"peer process ended by itself: exit code {code}"))

    def _take(self, message: dict[str, Any]) -> None:
        kind = message.pop("event")
        if kind == "answer":
            with self._arrived:
                self._answers[message["id"]] = message
                self._arrived.notify_all()
        elif kind == "ready":
            self.local = message["local"]
            self._ready.set()
        elif kind == "registration":
            if message["code"] == 200:
                self.observe(Registered(self.extension, self.local, message["expires"]))
            with self._arrived:
                self._registration = (message["code"], message["reason"])
                self._arrived.notify_all()
        else:
            self._take_of_call(kind, message)

    def _take_of_call(self, kind: str, message: dict[str, Any]) -> None:
        call = self._call(message["call"], self.timeline.mark())
        if kind == "incoming":
            self.observe(CallStateChanged(call.name, "incoming", remote=message["remote"]))
            with self._arrived:
                self._incoming.append(call)
                self._arrived.notify_all()
        elif kind == "call":
            call.state, call.last_code = message["state"], message["code"]
            if call.state == "ended":
                with self._arrived:
                    self._incoming = [other for other in self._incoming if other is not call]
            self.observe(
                CallStateChanged(
                    call.name, call.state, message["code"], message["reason"], message["remote"]
                )
            )
        elif kind == "recording":
            call.ear.open(Path(message["path"]))
        elif kind == "dtmf":
            self.observe(DtmfHeard(message["digit"], message["duration"], call.name))
        else:
            self.observe(Note(f"{call.name} {kind}: {message}"))
