"""Build the keypad that lab.yaml names, whatever its driver."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.keypad.api import Keypad
from harness.keypad.calibration import Calibration, read_calibration, shifted
from harness.keypad.gantry import Gantry
from harness.keypad.grbl import Face, GrblKeypad
from harness.keypad.layout import Layout, key_layout
from harness.keypad.matrix import MatrixKeypad
from harness.lab import GrblSpec, Lab, ServoStylus
from harness.models import ModelName
from harness.timeline import Observer

__all__ = ["build_keypad", "calibration_path", "gantry_twin", "phones_under", "position_name"]


def phones_under(lab: Lab, keypad: str) -> dict[str, ModelName]:
    """Return the phones a keypad serves, and what they are; without one it is taken for a 7942G."""
    found = {name: phone.model for name, phone in lab.phones.items() if phone.keypad == keypad}
    return found or {"": ModelName.CP7942G}


def position_name(spec: GrblSpec, keypad: str, phone: str, between: str = "/") -> str:
    """Name the position of a phone under a gantry: the gantry's own name where there is but one."""
    return f"{keypad}{between}{phone}" if spec.positions else keypad


def calibration_path(lab: Lab, keypad: str, spec: GrblSpec, phone: str) -> Path:
    """Return the file beside lab.yaml that says where a phone lies under a gantry."""
    usual = f"{position_name(spec, keypad, phone, '.')}.calibration.yaml"
    return lab.beside(spec.position(phone).calibration or usual)


def build_keypad(
    lab: Lab,
    name: str,
    port: str,
    observe: Observer,
    sensor_ports: Mapping[str, str] = MappingProxyType({}),
    *,
    calibrated: bool = True,
) -> Keypad:
    """Connect one keypad of lab.yaml.

    Args:
        lab: the inventory.
        name: the keypad's name there.
        port: its serial device; on a virtual bench the twin's, not what lab.yaml says.
        observe: where its events go.
        sensor_ports: the same for a gantry's light sensors, by the name of the position they watch.
        calibrated: whether to take a gantry's calibration, if there is one.

    Raises:
        BenchFault: it cannot be reached, or does not answer as it should.
        UsageFault: a gantry's calibration cannot be used.
    """
    spec, under = lab.keypads[name], phones_under(lab, name)
    if not isinstance(spec, GrblSpec):
        return MatrixKeypad(port, name, next(iter(under)), observe, spec.baud)
    with ExitStack() as stack:
        faces = []
        for phone, model in under.items():
            position, sensor = spec.position(phone), None
            if position.sensor:
                at = position_name(spec, name, phone)
                line = sensor_ports.get(at, position.sensor)
                sensor = MatrixKeypad(line, f"{at} sensor", phone, observe)
                stack.callback(sensor.close)
            layout = key_layout(model)
            lies = (
                _calibration(lab, name, phone, layout) if calibrated else shifted(position.corner)
            )
            faces.append(Face(phone, layout, lies, sensor))
        gantry = Gantry(port, name, [phone for phone in under if phone], observe, spec)
        stack.pop_all()
    return GrblKeypad(gantry, faces)


def _calibration(lab: Lab, name: str, phone: str, layout: Layout) -> Calibration:
    spec = lab.keypads[name]
    assert isinstance(spec, GrblSpec)  # noqa: S101 - by the caller
    path, position = calibration_path(lab, name, spec, phone), spec.position(phone)
    if position.calibration or path.exists():
        return read_calibration(path, name, layout, phone if spec.positions else "")
    return shifted(position.corner)


def gantry_twin(
    spec: GrblSpec, keypad: str, under: Mapping[str, ModelName], faults: dict[str, Any]
) -> dict[str, Any]:
    """Return what the twin of a gantry over some phones must know, as plain values."""
    stylus = spec.stylus
    faces = {}
    for phone, model in under.items():
        layout, position = key_layout(model), spec.position(phone)
        faces[position_name(spec, keypad, phone)] = {
            "corner": position.corner,
            "keys": layout.keys,
            "cap": layout.cap,
            "sensor": bool(position.sensor),
        }
    return {
        "faces": faces,
        "servo": isinstance(stylus, ServoStylus),
        "contact": (stylus.up + stylus.down) / 2,
        "faults": faults,
    }
