"""Build the keypad that lab.yaml names, whatever its driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.keypad.api import Keypad
from harness.keypad.calibration import Calibration, read_calibration, shifted
from harness.keypad.grbl import GrblKeypad
from harness.keypad.layout import key_layout
from harness.keypad.matrix import MatrixKeypad
from harness.lab import GrblSpec, Lab, ServoStylus
from harness.models import ModelName
from harness.timeline import Observer

__all__ = ["build_keypad", "calibration_path", "gantry_twin", "keypad_model"]


def keypad_model(lab: Lab, keypad: str) -> ModelName:
    """Return the model of the phone under a keypad; a keypad without one is taken for a 7942G."""
    models = [phone.model for phone in lab.phones.values() if phone.keypad == keypad]
    return models[0] if models else ModelName.CP7942G


def calibration_path(lab: Lab, keypad: str, spec: GrblSpec) -> Path:
    """Return the file beside lab.yaml that says where the phone lies under a gantry."""
    return lab.beside(spec.calibration or f"{keypad}.calibration.yaml")


def build_keypad(
    lab: Lab,
    name: str,
    port: str,
    observe: Observer,
    sensor_port: str | None = None,
    *,
    calibrated: bool = True,
) -> Keypad:
    """Connect one keypad of lab.yaml.

    Args:
        lab: the inventory.
        name: the keypad's name there.
        port: its serial device; on a virtual bench the twin's, not what lab.yaml says.
        observe: where its events go.
        sensor_port: the same for a gantry's light sensors.
        calibrated: whether to take a gantry's calibration, if there is one.

    Raises:
        BenchFault: it cannot be reached, or does not answer as it should.
        UsageFault: a gantry's calibration cannot be used.
    """
    spec = lab.keypads[name]
    device = next((phone for phone, entry in lab.phones.items() if entry.keypad == name), "")
    if not isinstance(spec, GrblSpec):
        return MatrixKeypad(port, name, device, observe, spec.baud)
    layout = key_layout(keypad_model(lab, name))
    sensor = None
    if spec.sensor:
        sensor = MatrixKeypad(sensor_port or spec.sensor, f"{name} sensor", device, observe)
    try:
        return GrblKeypad(
            port,
            name,
            device,
            observe,
            spec=spec,
            layout=layout,
            calibration=_calibration(lab, name, spec) if calibrated else shifted(spec.corner),
            sensor=sensor,
        )
    except BaseException:
        if sensor is not None:
            sensor.close()
        raise


def _calibration(lab: Lab, name: str, spec: GrblSpec) -> Calibration:
    path = calibration_path(lab, name, spec)
    if spec.calibration or path.exists():
        return read_calibration(path, name, key_layout(keypad_model(lab, name)))
    return shifted(spec.corner)


def gantry_twin(spec: GrblSpec, model: ModelName, faults: dict[str, Any]) -> dict[str, Any]:
    """Return what the twin of a gantry must know, as plain values."""
    layout = key_layout(model)
    stylus = spec.stylus
    return {
        "corner": spec.corner,
        "keys": layout.keys,
        "cap": layout.cap,
        "servo": isinstance(stylus, ServoStylus),
        "contact": (stylus.up + stylus.down) / 2,
        "sensor": bool(spec.sensor),
        "faults": faults,
    }
