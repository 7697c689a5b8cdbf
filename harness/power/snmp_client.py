"""GET and SET of single integers and texts, in one thread of its own.

pysnmp 7 is asyncio through and through, and we are not: the client owns a thread with a loop, and
every request waits for it with a deadline. A MIB compiler is not needed: all objects are numbers.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, TypeVar

from pyasn1.type.univ import Integer, OctetString
from pysnmp.entity import config
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    get_cmd,
    set_cmd,
)
from pysnmp.proto import errind
from pysnmp.proto.rfc1902 import Integer32
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from harness.lab import SnmpPowerSpec

__all__ = [
    "SnmpClient",
    "SnmpNotLetIn",
    "SnmpRefused",
    "SnmpSilent",
    "SnmpTrouble",
    "SnmpWrongType",
    "login",
]

T = TypeVar("T")

_AUTH = {
    "md5": config.USM_AUTH_HMAC96_MD5,
    "sha": config.USM_AUTH_HMAC96_SHA,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
}
_PRIV = {"des": config.USM_PRIV_CBC56_DES, "aes": config.USM_PRIV_CFB128_AES}
#: What an agent reports, or pysnmp finds, when user, keys or level do not suit (RFC 3414, 3.2).
_NOT_LET_IN = (
    errind.UnknownUserName,
    errind.UnknownSecurityName,
    errind.AuthenticationFailure,
    errind.AuthenticationError,
    errind.WrongDigest,
    errind.DecryptionError,
    errind.UnsupportedSecurityLevel,
)


class SnmpTrouble(Exception):
    """A request came to nothing."""


class SnmpSilent(SnmpTrouble):
    """No answer in time: nobody there, a lost datagram, or a community that is not let in."""


class SnmpNotLetIn(SnmpTrouble):
    """The agent answered that user, keys or security level do not suit (v3 only)."""


class SnmpRefused(SnmpTrouble):
    """The agent answered with an error status, e.g. ``notWritable``."""


class SnmpWrongType(SnmpTrouble):
    """The agent's value is not of the kind that was asked for."""


def login(spec: SnmpPowerSpec, secrets: dict[str, str]) -> Any:
    """Return pysnmp's credentials.

    Args:
        spec: says which version and protocols.
        secrets: what `SnmpPowerSpec.needs` names.
    """
    if spec.version == "v2c":
        return CommunityData("agent", secrets["community"], mpModel=1)  # noqa: S508 (old PDUs)
    keys: dict[str, Any] = {}
    if spec.auth != "none":
        keys |= {"authKey": secrets["auth_key"], "authProtocol": _AUTH[spec.auth]}
    if spec.priv != "none":
        keys |= {"privKey": secrets["priv_key"], "privProtocol": _PRIV[spec.priv]}
    return UsmUserData(secrets["user"], **keys)  # noqa: S509 (lab.yaml says how safe)


class SnmpClient:
    """Ask one agent. Its calls may come from any thread.

    Args:
        host: name or IPv4 address.
        port: UDP port.
        credentials: from `login`.
        timeout_s: seconds one request may take, with one repetition of a lost GET; a SET is never
            repeated here.
        context: the context's name, v3 only.
    """

    def __init__(
        self, host: str, port: int, credentials: Any, timeout_s: float, context: str = ""
    ) -> None:
        self._agent = (host, port)
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._context = ContextData(contextName=context.encode())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"snmp-{host}", daemon=True
        )
        self._thread.start()
        self._engine: Any = self._run(self._make_engine())

    @staticmethod
    async def _make_engine() -> Any:
        return SnmpEngine()

    def get(self, *oids: str) -> list[int | str | None]:
        """Read values: integers, texts, or None for objects that do not exist.

        Raises:
            SnmpTrouble: one of its kinds.
        """
        return [_plain(value) for value in self._run(self._get(oids))]

    def set(self, oid: str, value: int) -> None:
        """Write an integer once.

        Raises:
            SnmpTrouble: one of its kinds; `SnmpSilent` says nothing about whether it arrived.
        """
        self._run(self._set(oid, value))

    def close(self) -> None:
        """Stop the thread."""
        if self._loop.is_closed():
            return
        self._run(self._close_engine())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        self._loop.close()

    async def _close_engine(self) -> None:
        self._engine.close_dispatcher()
        await asyncio.sleep(0)  # lets the loop close the socket

    async def _target(self, retries: int) -> Any:
        return await UdpTransportTarget.create(
            self._agent, timeout=self._timeout_s / (retries + 1), retries=retries
        )

    async def _get(self, oids: tuple[str, ...]) -> list[Any]:
        asked = [ObjectType(ObjectIdentity(oid)) for oid in oids]
        answer = await get_cmd(
            self._engine,
            self._credentials,
            await self._target(1),
            self._context,
            *asked,
            lookupMib=False,
        )
        return _values(answer, len(oids))

    async def _set(self, oid: str, value: int) -> None:
        written = ObjectType(ObjectIdentity(oid), Integer32(value))
        answer = await set_cmd(
            self._engine,
            self._credentials,
            await self._target(0),
            self._context,
            written,
            lookupMib=False,
        )
        _values(answer, 1)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            work.close()
            raise SnmpTrouble("the client is closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            # pysnmp keeps the deadline; with v3 it first asks for the engine's name.
            return future.result(3 * self._timeout_s + 5.0)
        except NotInTime as error:
            future.cancel()
            raise SnmpSilent("pysnmp did not come back") from error
        except PySnmpError as error:
            raise SnmpTrouble(str(error)) from error


def _values(answer: Any, wanted: int) -> list[Any]:
    indication, status, index, bindings = answer
    if indication:
        if isinstance(indication, errind.RequestTimedOut):
            raise SnmpSilent(str(indication))
        if isinstance(indication, _NOT_LET_IN):
            raise SnmpNotLetIn(str(indication))
        raise SnmpTrouble(str(indication))
    if status:
        raise SnmpRefused(f"{status.prettyPrint()} (object {int(index)})")
    if len(bindings) != wanted:
        raise SnmpWrongType(f"{len(bindings)} values for {wanted} objects")
    return [value for _, value in bindings]


def _plain(value: Any) -> int | str | None:
    if isinstance(value, NoSuchInstance | NoSuchObject | EndOfMibView):
        return None
    if isinstance(value, Integer):
        return int(value)
    if isinstance(value, OctetString):
        return bytes(value).decode("utf-8", "replace")
    raise SnmpWrongType(f"a {type(value).__name__}")
