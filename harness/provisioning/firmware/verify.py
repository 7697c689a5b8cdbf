"""Is a folder a whole firmware set: every fault at once, with what a phone would do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageFault
from harness.provisioning.firmware.manifest import FirmwareSet, known_loads, load_manifest

__all__ = ["FileFault", "components_in", "record", "verify_folder"]

_COMPONENT = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._()-]{3,60}\.sbn")
_LOADS = re.compile(r"^(SIP|SCCP)(\d\d)\.(.+)\.loads$", re.IGNORECASE)
_PART = re.compile(r"^(jar|cnu|apps|dsp|cvm)(\d\d)(sip|sccp)?\.", re.IGNORECASE)
#: term42 is the 7942's, term62 the 7962's; one zip holds both.
_BOOT = re.compile(r"^term(?!42|62)(\d\d)\.default\.loads$", re.IGNORECASE)
_LEGACY = re.compile(r"^(P0[0-9A-Z]{2}-|OS79XX)", re.IGNORECASE)
_STOPS = "the phone asks, gets ERROR 1 and stops the upgrade"


@dataclass(frozen=True, slots=True, order=True)
class FileFault:
    """What is wrong with one file of a set."""

    file: str
    found: str
    symptom: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}: {self.found} (on the phone: {self.symptom}). Fix: {self.fix}."


def components_in(loads: bytes) -> list[str]:
    """Return the component names a .loads file writes, in its order; nothing more is read."""
    return [name.decode("ascii") for name in dict.fromkeys(_COMPONENT.findall(loads))]


def verify_folder(
    folder: Path, load: str = "", recorded: FirmwareSet | None = None
) -> list[FileFault]:
    """Return every fault of the sets in a folder.

    Args:
        folder: where the files were unpacked.
        load: the load that should be there; empty: every one found.
        recorded: a manifest of a trusted folder, with the SHA-256 of every file.

    Raises:
        UsageFault: the folder cannot be read.
    """
    if not folder.is_dir():
        raise UsageFault(f"there is no folder {folder}", hint="unpack the firmware zip first")
    sizes = {each.name: each.stat().st_size for each in folder.iterdir() if each.is_file()}
    found = [name for name in sorted(sizes) if _LOADS.match(name)]
    wanted = [f"{load}.loads"] if load else found
    faults = list(_strangers(sizes))
    if not wanted:
        faults.append(
            FileFault("*.loads", "no SIP42.*.loads here", _STOPS, "unpack the whole firmware zip")
        )
    for name in wanted:
        faults += _set(folder, sizes, name)
    missing = {fault.file for fault in faults}
    altered = _altered(folder, sizes, recorded)
    faults += [fault for fault in altered if fault.file not in missing]
    # What another load here names is not for removal, though nobody asked about that load.
    loads = {*wanted, *found}
    used = {part.lower() for name in loads for part in _parts(folder, sizes, name)}
    told = {fault.file for fault in faults}
    faults += [
        FileFault(name, "belongs to no load here", "none; it is never asked for", "remove it")
        for name in sorted(sizes)
        if _PART.match(name) and used and name.lower() not in used and name not in told
    ]
    faults += [
        FileFault(name, "is empty", "the upgrade stops at it", "unpack it again")
        for name, size in sorted(sizes.items())
        if not size
    ]
    return sorted(set(faults))


def _parts(folder: Path, sizes: dict[str, int], loads: str) -> list[str]:
    named = components_in((folder / loads).read_bytes()) if loads in sizes else []
    manifest = _manifest(loads)
    return named or ([name for name, _ in manifest.components] if manifest else [])


def _manifest(loads: str) -> FirmwareSet | None:
    load = loads.removesuffix(".loads")
    return load_manifest(load) if load in known_loads() else None


def _set(folder: Path, sizes: dict[str, int], loads: str) -> Iterator[FileFault]:
    boot = ("term42.default.loads", "term62.default.loads")
    for name in (loads, *boot, *_parts(folder, sizes, loads)):
        if name in sizes:
            continue
        other = next((each for each in sizes if each.lower() == name.lower()), None)
        family = name.split(".", 1)[0]
        guess = next((each for each in sizes if each.split(".", 1)[0] == family), None)
        if other is not None:
            fault = f"not there; {other} is, in another case"
            yield FileFault(name, fault, _STOPS, f"rename {other} to {name}")
        elif guess is not None and name.endswith(".sbn"):
            fix = "unpack one release; .sbn and .loads versions differ, rename nothing"
            yield FileFault(name, f"not there; {guess} is of another build", _STOPS, fix)
        else:
            yield FileFault(name, "not there", _STOPS, "take it from the same firmware zip")


def _altered(
    folder: Path, sizes: dict[str, int], recorded: FirmwareSet | None
) -> Iterator[FileFault]:
    for name, digest in (recorded.sha256 if recorded is not None else {}).items():
        if name not in sizes:
            yield FileFault(name, "is recorded, but not there", _STOPS, "unpack the zip again")
        elif hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            symptom = "Auth Fail: the signature does not fit"
            yield FileFault(name, "is not the recorded file (SHA-256)", symptom, "unpack it again")


def _strangers(sizes: dict[str, int]) -> Iterator[FileFault]:
    for name in sorted(sizes):
        loads, part = _LOADS.match(name), _PART.match(name)
        family = (loads[2] if loads else part[2] if part else "42").lower()
        protocol = (loads[1] if loads else (part[3] or "sip") if part else "sip").lower()
        fix = "7942 and 7962 take SIP42 files"
        if boot := _BOOT.match(name):
            yield FileFault(name, f"is of another model ({boot[1]})", "it is never asked for", fix)
        elif _LEGACY.match(name):
            yield FileFault(name, "is of a 7940 or 7960", "none; it is never asked for", fix)
        elif family != "42":
            yield FileFault(name, f"is of another model ({family})", "it is refused", fix)
        elif protocol == "sccp":
            symptom = "the phone becomes an SCCP phone"
            yield FileFault(name, "is an SCCP image", symptom, fix)


def record(folder: Path, load: str) -> str:
    """Return a manifest (TOML) of a trusted folder, with sizes and SHA-256 of every file."""
    loads = folder / f"{load}.loads"
    if not loads.is_file():
        raise UsageFault(f"there is no {loads}", hint="give the load that is in the folder")
    boot = ["term42.default.loads", "term62.default.loads"]
    lines = [f'load = "{load}"', f"boot_loads = {boot}".replace("'", '"'), "", "[sha256]"]
    parts = components_in(loads.read_bytes())
    for name in (loads.name, *boot, *parts):
        if (folder / name).is_file():
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            lines.append(f'"{name}" = "{digest}"')
    for name in parts:
        size = (folder / name).stat().st_size if (folder / name).is_file() else 0
        lines += ["", "[[file]]", f'name = "{name}"', f"size = {size}"]
    return "\n".join(lines) + "\n"
