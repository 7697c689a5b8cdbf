"""One VISA connection that fails in known ways only.

What pyvisa-py 0.8.1 does was measured, and each oddity is dealt with here:

* opening a refused TCP port succeeds and the first query fails: so `*IDN?` proves an opening;
* a peer that closed (FIN) looks like a slow one until the next write: so after any failure the
  session is closed, and only a new one can tell;
* an answer that comes after its timeout would be taken for the answer to the next question: the
  same cure;
* a name that does not resolve raises a plain `Exception` and leaks a socket: so it is resolved
  here first;
* a device that says more than it was asked would answer the next question with it: so what waits
  unread before a question ends the session;
* closed and reset connections raise builtin `OSError`, bytes outside ASCII `UnicodeDecodeError`;
* VXI-11 and HiSLIP raise `RuntimeError`, `EOFError`, `AssertionError` and errors of their own.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import Any

import pyvisa
from pyvisa import rname
from pyvisa.constants import StatusCode

from harness.power.dialects import PLAIN, ScpiDialect

__all__ = ["Dropped", "Garbled", "NoAddress", "Refused", "ScpiSession", "Silent", "WireTrouble"]


#: IVI-6.1 for HiSLIP; VXI-11 asks the ONC RPC portmapper for its port (RFC 1833).
_HISLIP_PORT, _PORTMAPPER_PORT = 4880, 111


class WireTrouble(Exception):
    """Something went wrong between us and the device; the session is closed."""


class Refused(WireTrouble):
    """The connection could not be made."""


class NoAddress(WireTrouble):
    """The address is not a VISA resource name."""


class Silent(WireTrouble):
    """No answer came in time (or the peer closed: that looks the same)."""


class Dropped(WireTrouble):
    """The connection broke."""


class Garbled(WireTrouble):
    """The answer is not ASCII text."""


class ScpiSession:
    """Write lines to and read lines from a VISA resource.

    Args:
        address: VISA resource name, e.g. ``TCPIP0::192.0.2.10::5025::SOCKET``.
        timeout_s: seconds to wait for a connection and for each answer.
        dialect: how the device's lines end and how it says who it is.
        baud: speed of a serial line.
        library: pyvisa's name of its backend.
    """

    def __init__(
        self,
        address: str,
        timeout_s: float,
        dialect: ScpiDialect = PLAIN,
        baud: int = 9600,
        library: str = "@py",
    ) -> None:
        self._address = address
        self._timeout_ms = max(1, round(timeout_s * 1000))
        self._dialect = dialect
        self._baud = baud
        self._manager = pyvisa.ResourceManager(library)
        self._resource: Any = None

    @property
    def is_open(self) -> bool:
        """Whether a session is open; it proves nothing about the device."""
        return self._resource is not None

    def open(self) -> str:
        """Open the resource and return who the device says it is, the proof of an opening.

        Raises:
            NoAddress: the address is not a VISA resource name.
            Refused: there is nothing at the address.
            Silent: something accepts the connection but does not answer.
            WireTrouble: in any other way it is not usable.
        """
        self.close()
        settings: dict[str, Any] = {"baud_rate": self._baud} if self._resolve() else {}
        try:
            self._resource = self._manager.open_resource(
                self._address,
                read_termination=self._dialect.prompt or "\n",
                write_termination=self._dialect.ends,
                timeout=self._timeout_ms,
                open_timeout=self._timeout_ms,
                **settings,
            )
        except Exception as error:  # pyvisa-py's own failures have no common class
            raise Refused(str(error)) from error
        self._make_ready()
        try:
            return self.query(self._dialect.identify)
        except Dropped as error:
            # A refused port shows only now: see the module's docstring.
            if isinstance(error.__cause__, ConnectionRefusedError):
                raise Refused("connection refused") from error
            raise

    def _resolve(self) -> bool:
        """Check the address before pyvisa-py does; says whether it is a serial line."""
        try:
            resource = rname.ResourceName.from_string(self._address)
        except rname.InvalidResourceName as error:
            raise NoAddress(str(error)) from error
        host = getattr(resource, "host_address", None)
        if host is not None:
            try:
                socket.getaddrinfo(host, None, family=socket.AF_INET)
            except OSError as error:
                raise Refused(f"{host}: {error}") from error
        if isinstance(resource, rname.TCPIPInstr):
            self._probe(resource.host_address, resource.lan_device_name)
        return isinstance(resource, rname.ASRLInstr)

    def _probe(self, host: str, device: str) -> None:
        """See whether anybody listens: pyvisa-py leaks the sockets of an opening that fails."""
        hislip = device.lower().startswith("hislip")
        written = device.partition(",")[2] or str(_HISLIP_PORT)
        if hislip and not written.isdecimal():
            raise NoAddress(f"{written!r} is no port")
        port = int(written) if hislip else _PORTMAPPER_PORT
        try:
            socket.create_connection((host, port), self._timeout_ms / 1000).close()
        except OSError as error:
            raise Refused(f"{host}, port {port}: {error.strerror or error}") from error

    def _interface(self) -> tuple[Any, Any]:
        """Return pyvisa-py's session and its socket or serial port, which it does not publish."""
        library: Any = self._manager.visalib
        session = library.sessions[self._resource.session]
        return session, session.interface

    def _check_for_strays(self) -> None:
        """See bytes nobody asked for before they are taken for the next answer.

        Raises:
            Dropped: there are some, or the peer has closed.
        """
        with contextlib.suppress(AttributeError, KeyError, TypeError):
            session, interface = self._interface()
            if getattr(session, "_pending_buffer", b""):
                raise Dropped("it said more than it was asked")
            if isinstance(interface, socket.socket):
                if not select.select([interface], [], [], 0)[0]:
                    return
                peek = interface.recv(1, socket.MSG_PEEK)
                raise Dropped("it said more than it was asked" if peek else "closed by the device")
            if interface.in_waiting:
                raise Dropped("it said more than it was asked")

    def _make_ready(self) -> None:
        # A write followed by a query costs 44 ms otherwise (Nagle and delayed ACK), and pyvisa-py
        # refuses VI_ATTR_TCPIP_NODELAY. Only speed depends on it, so a failure may pass.
        with contextlib.suppress(AttributeError, KeyError, OSError, TypeError):
            _, interface = self._interface()
            if isinstance(interface, socket.socket):
                interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                # A serial line has no connection that could be made anew: what came late goes.
                interface.reset_input_buffer()

    def write(self, command: str) -> None:
        """Send one command.

        Raises:
            Silent: a device with a prompt did not give it in time.
            Dropped: the connection broke.
        """
        if self._dialect.prompt:
            self.query(command)
        else:
            self._guard(lambda: self._resource.write(command))

    def query(self, command: str) -> str:
        """Send one question and return its answer, stripped.

        Raises:
            Silent: no answer in time.
            Garbled: the answer is not text.
            Dropped: the connection broke.
        """
        answer = str(self._guard(lambda: self._resource.query(command))).strip()
        return answer.removeprefix(command).strip() if self._dialect.prompt else answer

    def _guard(self, action: Any) -> Any:
        if self._resource is None:
            raise Dropped("the session is closed")
        try:
            self._check_for_strays()
            return action()
        except Dropped:
            self.close()
            raise
        except pyvisa.errors.VisaIOError as error:
            self.close()
            if error.error_code == StatusCode.error_timeout:
                raise Silent(f"no answer within {self._timeout_ms / 1000:.1f} s") from error
            raise Dropped(str(error)) from error
        except UnicodeDecodeError as error:
            self.close()
            raise Garbled(repr(error.object)) from error
        except Exception as error:  # pyvisa-py's own failures have no common class
            self.close()
            raise Dropped(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Close the session if one is open."""
        resource, self._resource = self._resource, None
        if resource is not None:
            with contextlib.suppress(pyvisa.errors.Error, OSError):
                resource.close()
