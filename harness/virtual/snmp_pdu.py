"""A PDU or PoE switch that answers SNMP v2c or v3 on a UDP port, by pysnmp's responder."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.rfc1902 import Gauge32, Integer32, OctetString
from pysnmp.proto.rfc1905 import noSuchInstance
from pysnmp.smi import error, instrum

from harness.virtual.spec import PduSpec
from harness.virtual.twin_outlets import TwinOutlets
from harness.virtual.world import World

__all__ = ["SnmpPduTwin"]

_SYS_DESCR, _SYS_NAME = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.5.0"
_AUTH = {
    "none": config.USM_AUTH_NONE,
    "md5": config.USM_AUTH_HMAC96_MD5,
    "sha": config.USM_AUTH_HMAC96_SHA,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
}
_PRIV = {
    "none": config.USM_PRIV_NONE,
    "des": config.USM_PRIV_CBC56_DES,
    "aes": config.USM_PRIV_CFB128_AES,
}
#: What PoE ports carry: 802.3af allows 44 to 57 V.
_POE_VOLTS = 48.0


@dataclass(frozen=True, slots=True)
class _Columns:
    """The tables of one family, written down apart from the driver's on purpose.

    ``switch`` is written (``on``/``off``) and reads back the same; ``state`` is read only. The
    others are what else such a device shows. ``{}`` is the outlet.
    """

    switch: str
    on: int
    off: int
    state: str = ""
    state_on: int = 0
    state_off: int = 0
    state_idle: int | None = None
    measures: tuple[tuple[str, float], ...] = ()
    fixed: tuple[tuple[str, int], ...] = ()


_APC, _RARITAN, _POE = "1.3.6.1.4.1.318.1.1.", "1.3.6.1.4.1.13742.", "1.3.6.1.2.1.105.1.1.1."
_POE_COLUMNS = {
    "switch": _POE + "3.1.{}",
    "on": 1,
    "off": 2,
    "state": _POE + "6.1.{}",
    "state_on": 3,
    "state_off": 1,
    "state_idle": 2,
    "fixed": ((_POE + "10.1.{}", 3),),
}
_MIBS = {
    "apc-rpdu": _Columns(_APC + "12.3.3.1.1.4.{}", 1, 2, _APC + "12.3.5.1.1.4.{}", 1, 2),
    "apc-rpdu2": _Columns(
        *(_APC + "26.9.2.4.1.5.{}", 1, 2, _APC + "26.9.2.3.1.5.{}", 2, 1),
        measures=((_APC + "26.9.4.3.1.6.{}", 10),),
    ),
    "raritan": _Columns(
        *(_RARITAN + "6.4.1.2.1.2.1.{}", 1, 0, _RARITAN + "6.4.1.2.1.3.1.{}", 7, 8),
        measures=((_RARITAN + "6.5.4.3.1.4.1.{}.1", 1000),),
        fixed=((_RARITAN + "6.3.5.4.1.7.1.{}.1", 3),),
    ),
    "raritan-px1": _Columns(
        _RARITAN + "4.1.2.2.1.3.{}", 1, 0, measures=((_RARITAN + "4.1.2.2.1.4.{}", 1000),)
    ),
    "poe": _Columns(**_POE_COLUMNS),  # type: ignore[arg-type]
    "poe-cisco": _Columns(
        **_POE_COLUMNS,  # type: ignore[arg-type]
        measures=(("1.3.6.1.4.1.9.9.402.1.2.1.9.1.{}", 1000 * _POE_VOLTS),),
    ),
}


class _Table(instrum.AbstractMibInstrumController):  # type: ignore[misc]
    """Answer for single variables; a walk finds nothing."""

    def __init__(self, name: str, columns: _Columns, outlets: TwinOutlets) -> None:
        self._name = name
        self._columns = columns
        self._outlets = outlets

    def read_variables(self, *varBinds: Any, **context: Any) -> list[Any]:  # noqa: N803, ARG002
        """Answer a GET."""
        return [(name, self._read(str(name))) for name, _ in varBinds]

    def write_variables(self, *varBinds: Any, **context: Any) -> list[Any]:  # noqa: N803, ARG002
        """Carry out a SET."""
        for index, (name, value) in enumerate(varBinds):
            outlet = self._outlet(self._columns.switch, str(name))
            if outlet is None:
                raise error.NotWritableError(name=name, idx=index)
            if not isinstance(value, Integer32):
                raise error.WrongTypeError(name=name, idx=index)
            if int(value) not in (self._columns.on, self._columns.off):
                raise error.WrongValueError(name=name, idx=index)
            on = int(value) == self._columns.on
            if seconds := self._outlets.goes_away(outlet, on=on):
                asyncio.get_running_loop().call_later(seconds, self._outlets.come_back)
            else:
                self._outlets.start(self._outlets.switch(outlet, on))
        return list(varBinds)

    def _outlet(self, template: str, oid: str) -> int | None:
        pattern = re.escape(template).replace(r"\{\}", r"(\d+)")
        match = re.fullmatch(pattern, oid) if template else None
        return int(match[1]) if match and int(match[1]) in self._outlets.numbers else None

    def _read(self, oid: str) -> Any:
        columns = self._columns
        if oid in (_SYS_DESCR, _SYS_NAME):
            return OctetString("Phone Bench Virtual PDU" if oid == _SYS_DESCR else self._name)
        if (outlet := self._outlet(columns.switch, oid)) is not None:
            return Integer32(columns.on if self._outlets.reads_back(outlet) else columns.off)
        if (outlet := self._outlet(columns.state, oid)) is not None:
            if not self._outlets.reads_back(outlet):
                return Integer32(columns.state_off)
            idle = columns.state_idle is not None and not self._outlets.amperes(outlet)
            return Integer32(columns.state_idle if idle else columns.state_on)
        for template, scale in columns.measures:
            if (outlet := self._outlet(template, oid)) is not None:
                return Gauge32(round(self._outlets.amperes(outlet) * scale))
        for template, value in columns.fixed:
            if self._outlet(template, oid) is not None:
                return Integer32(value)
        return noSuchInstance


class SnmpPduTwin:
    """One PDU, or one PoE switch, that speaks SNMP."""

    def __init__(self, name: str, spec: PduSpec, world: World, log: Callable[[str], None]) -> None:
        self._spec = spec
        self._outlets = TwinOutlets(name, spec, world, log)
        self._table = _Table(name, _MIBS[spec.mib], self._outlets)
        self._engine: Any = None
        self._requests = 0

    async def start(self) -> str:
        """Listen on a port the system chooses; returns ``host:port``."""
        self._engine = engine.SnmpEngine()
        transport = udp.UdpAsyncioTransport(loop=asyncio.get_running_loop())
        config.add_transport(
            self._engine, udp.DOMAIN_NAME, transport.open_server_mode(("127.0.0.1", 0))
        )
        await transport._lport  # the only way to wait for the socket
        host, port = transport.transport.get_extra_info("sockname")[:2]
        self._let_in(self._spec.secrets)
        variables = context.SnmpContext(self._engine)
        variables.unregister_context_name(b"")
        variables.register_context_name(b"", self._table)
        for responder in (cmdrsp.GetCommandResponder, cmdrsp.SetCommandResponder):
            self._answer_with(responder, variables)
        return f"{host}:{port}"

    def _let_in(self, secrets: dict[str, str]) -> None:
        if self._spec.version == "v2c":
            config.add_v1_system(self._engine, "area", secrets["community"])
            who, model, level = "area", 2, "noAuthNoPriv"
        else:
            auth, priv = self._spec.auth, self._spec.priv
            keys = [
                *((_AUTH[auth], secrets["auth_key"]) if auth != "none" else (_AUTH["none"], None)),
                *((_PRIV[priv], secrets["priv_key"]) if priv != "none" else (_PRIV["none"], None)),
            ]
            config.add_v3_user(self._engine, secrets["user"], *keys)
            level = ("authPriv" if priv != "none" else "authNoPriv") if auth != "none" else ""
            who, model, level = secrets["user"], 3, level or "noAuthNoPriv"
        everything = (1, 3, 6)
        config.add_vacm_user(self._engine, model, who, level, everything, everything)

    def _answer_with(self, responder: Any, variables: Any) -> None:
        twin = self

        class Answering(responder):  # type: ignore[misc]
            def handle_management_operation(
                self, snmp_engine: Any, state: Any, context_name: Any, pdu: Any
            ) -> None:
                if twin._loses_this():
                    self.release_state_information(state)
                    return
                super().handle_management_operation(snmp_engine, state, context_name, pdu)

        Answering(self._engine, variables)

    def _loses_this(self) -> bool:
        faults = self._outlets.faults
        self._requests += 1
        if self._outlets.away:
            return True
        if faults.silent:
            self._outlets.fired("silent", "no answer")
            return True
        if faults.drop_after is not None and self._requests > faults.drop_after:
            self._outlets.fired("drop_after", f"request {self._requests} lost")
            self._requests = 0
            return True
        return False

    async def stop(self) -> None:
        """Stop listening."""
        self._outlets.stop()
        if self._engine is not None:
            self._engine.close_dispatcher()
            self._engine = None
