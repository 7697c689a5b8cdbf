"""From an entry of lab.yaml to connected outlets: the one function the assembly calls.

A driver is one file in `harness.power.drivers`. It registers the function that opens it under its
file's name, which is what lab.yaml calls it; nothing else has to know of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessBug
from harness.lab import PowerSpec, power_drivers
from harness.power.api import OutletDriver
from harness.power.outlets import SwitchedOutlets
from harness.timeline import Observer

__all__ = ["Opening", "driver_names", "open_driver", "open_power", "register"]


@dataclass(frozen=True, slots=True)
class Opening:
    """What a driver is opened with.

    Args:
        spec: its entry in lab.yaml. Each driver knows its own class of entry.
        name: its name there.
        address: where it is; a twin's address when the entry says ``virtual``.
        observe: where events go.
        secrets: what ``credentials`` of the entry led to, by the names used there.
    """

    spec: Any
    name: str
    address: str
    observe: Observer
    secrets: dict[str, str]


_Opener = Callable[[Opening], OutletDriver]
_OPENERS: dict[str, _Opener] = {}


def register(name: str) -> Callable[[_Opener], _Opener]:
    """Make a function the opener of the driver that lab.yaml calls ``name``."""

    def keep(opener: _Opener) -> _Opener:
        _OPENERS[name] = opener
        return opener

    return keep


def driver_names() -> tuple[str, ...]:
    """Every driver there is, loaded.

    Raises:
        HarnessBug: a file among the drivers does not register itself.
    """
    for name in power_drivers():
        _load(name)
    return tuple(sorted(_OPENERS))


def _load(name: str) -> _Opener:
    if name not in _OPENERS:
        importlib.import_module(f"harness.power.drivers.{name}")
    if name not in _OPENERS:
        raise HarnessBug(f"harness/power/drivers/{name}.py does not register {name!r}")
    return _OPENERS[name]


def open_driver(spec: PowerSpec, name: str, observe: Observer, address: str = "") -> OutletDriver:
    """Connect to the device of one entry of lab.yaml, with nothing yet to confirm what it does.

    Args:
        spec: the entry.
        name: its name.
        observe: where events go.
        address: where it is, when not where the entry says (a twin).

    Raises:
        BenchFault: nobody answers there.
        UsageFault: the entry cannot be used: credentials not there, or a wrong address.
    """
    secrets = {key: secret.get_secret_value() for key, secret in spec.secrets(name).items()}
    return _load(spec.driver)(Opening(spec, name, address or spec.address, observe, secrets))


def open_power(
    spec: PowerSpec,
    name: str,
    observe: Observer,
    address: str = "",
    *,
    named: Collection[str] | None = None,
) -> SwitchedOutlets:
    """Connect to the device of one entry of lab.yaml.

    Args:
        spec: the entry.
        name: its name.
        observe: where events go.
        address: where it is, when not where the entry says (a twin).
        named: the outlets that the phones of lab.yaml are on; none but these are ever switched,
            unless the entry lists its outlets by name.

    Raises:
        BenchFault: nobody answers there.
        UsageFault: the entry cannot be used: credentials not there, or a wrong address.
    """
    return SwitchedOutlets(
        open_driver(spec, name, observe, address),
        name,
        spec.outlet_names,
        observe,
        named=spec.outlet_names if spec.lists_outlets else named,
        confirm_s=spec.confirm_s,
        draw_a=spec.draw_a,
    )
