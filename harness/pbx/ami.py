"""A thin client of the Asterisk Manager Interface.

Framing: lines of ``Key: value`` ended by CR LF, a message ended by an empty line (Asterisk
documentation, "AMI v2 Specification"). One thread reads; actions are matched to their responses
by ActionID; everything else goes to the listener.
"""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from harness.errors import BenchFault, HarnessBug

__all__ = ["AmiClient", "AmiMessage", "AmiParser"]


@dataclass(frozen=True, slots=True)
class AmiMessage:
    """One message; ``fields`` keeps the last value of a repeated key, ``output`` all of Output."""

    fields: dict[str, str]
    output: tuple[str, ...] = ()

    @property
    def event(self) -> str:
        """The event's name, or empty for a response."""
        return self.fields.get("Event", "")


class AmiParser:
    """Cut a byte stream, however split or glued, into messages."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, received: bytes) -> Iterator[AmiMessage]:
        """Take bytes as they come; yield each message that is complete."""
        self._buffer += received
        while True:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            self._buffer = rest
            message = self._message(head.decode("utf-8", "replace"))
            if message is not None:
                yield message

    @staticmethod
    def _message(text: str) -> AmiMessage | None:
        fields: dict[str, str] = {}
        output: list[str] = []
        for line in text.split("\r\n"):
            key, colon, value = line.partition(":")
            if not colon or key.startswith("Asterisk Call Manager"):
                continue
            if key == "Output":
                output.append(value.removeprefix(" "))
            fields[key.strip()] = value.strip()
        return AmiMessage(fields, tuple(output)) if fields else None


@dataclass
class _Pending:
    done: threading.Event = field(default_factory=threading.Event)
    messages: list[AmiMessage] = field(default_factory=list)


class AmiClient:
    """A logged-in connection.

    Args:
        address: where the manager listens.
        port: its TCP port.
        on_event: called in the reader thread with each event that answers no action.
        on_lost: called once, in the reader thread, when the connection ends unasked.
    """

    def __init__(
        self,
        address: str,
        port: int,
        on_event: Callable[[AmiMessage], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._ids = itertools.count(1)
        self._pending: dict[str, _Pending] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._logged_in = False
        try:
            # From the PBX's own address: what is not on this machine is refused by its manager.
            self._socket = socket.create_connection((address, port), 2.0, (address, 0))
        except OSError as error:
            raise BenchFault(
                f"its manager interface at {address}:{port} does not answer: {error}",
                device="pbx",
                hint="read the PBX log of this run",
            ) from error
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._run, name="ami-reader", daemon=True)
        self._reader.start()

    def login(self, user: str, secret: str) -> None:
        """Log in and ask for all events.

        Raises:
            BenchFault: refused, or no answer.
        """
        answer = self.action("Login", Username=user, Secret=secret, Events="on")
        if answer[0].fields.get("Response") != "Success":
            raise BenchFault(
                f"the manager interface refused the login: {answer[0].fields.get('Message', '')}",
                device="pbx",
                hint="another Asterisk holds this manager port: ss -ltnp",
            )
        self._logged_in = True

    def action(self, name: str, *, within: float = 5.0, **parameters: str) -> list[AmiMessage]:
        """Send an action and return its response and the events that belong to it.

        Raises:
            BenchFault: no complete answer within ``within`` seconds.
            HarnessBug: called from the reader thread, which would wait for itself, or with a
                line break in a value, which would be a second action.
        """
        if threading.current_thread() is self._reader:
            raise HarnessBug(f"manager action {name} asked for while handling a manager event")
        if any("\r" in value or "\n" in value for value in parameters.values()):
            raise HarnessBug(f"a line break in a parameter of the manager action {name}")
        action_id = f"h{next(self._ids)}"
        pending = _Pending()
        with self._lock:
            self._pending[action_id] = pending
        lines = [f"Action: {name}", f"ActionID: {action_id}"]
        lines += [f"{key}: {value}" for key, value in parameters.items()]
        try:
            self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            answered = pending.done.wait(within)
        except OSError:
            answered = False
        finally:
            with self._lock:
                self._pending.pop(action_id, None)
        if not answered or not pending.messages:
            raise BenchFault(
                f"no answer to the manager action {name}",
                device="pbx",
                expected=f"a response within {within:.0f} s",
                hint="is the container still running? read the PBX log of this run",
            )
        return pending.messages

    def command(self, command: str) -> str:
        """Run a console command and return its output."""
        return "\n".join(self.action("Command", Command=command)[0].output)

    def close(self) -> None:
        """Close the connection."""
        self._closing = True
        # Already gone when Asterisk ended first.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._reader is not threading.current_thread():
            self._reader.join(2.0)

    def _run(self) -> None:
        reason = "the reader of manager events failed"
        try:
            reason = self._read()
        finally:
            # Also when a listener raised: nobody may go on waiting for a dead reader.
            with self._lock:
                waiting = list(self._pending.values())
            for pending in waiting:
                pending.done.set()
            if self._logged_in and not self._closing:
                self._on_lost(reason)

    def _read(self) -> str:
        parser = AmiParser()
        reason = "the manager connection was closed"
        while True:
            try:
                received = self._socket.recv(65536)
            except OSError as error:
                reason = str(error)
                break
            if not received:
                break
            for message in parser.feed(received):
                self._dispatch(message)
        return reason

    def _dispatch(self, message: AmiMessage) -> None:
        action_id = message.fields.get("ActionID", "")
        with self._lock:
            pending = self._pending.get(action_id)
        if pending is None:
            if message.event:
                self._on_event(message)
            return
        pending.messages.append(message)
        # A list action answers "EventList: start" and ends with an event "EventList: Complete".
        first_of_list = message.fields.get("EventList", "").lower() == "start"
        list_over = message.fields.get("EventList", "").lower() == "complete"
        inside_list = len(pending.messages) > 1 and not list_over
        if not first_of_list and not inside_list:
            pending.done.set()
