"""Make the bench of a killed run safe, and finish what it had recorded.

Every step can be repeated, and the journal goes last: a recovery that is itself killed, or that
cannot reach a device, is done again by the next one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import BenchFault, HarnessError
from harness.keypad import build_keypad
from harness.lab import Lab, load_lab
from harness.lab.reservation import reserve
from harness.lab.resources import station_resources
from harness.places import Lease, leased
from harness.power import open_power
from harness.recovery.journal import SUFFIX, Written, read_journal
from harness.recovery.leftovers import end_leftovers
from harness.recovery.rest import put_at_rest
from harness.runs.history import FILE_NAME
from harness.runs.interrupted import finish_interrupted
from harness.runs.results import HEAD
from harness.state import state_folder
from harness.timeline import Timeline

__all__ = ["Recovered", "lost_journals", "recover"]


@dataclass
class Recovered:
    """What became of one journal: what was done, and what could not be (its fault, in words)."""

    written: Written
    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Which bench it was, and since when."""
        return self.written.title


def lost_journals(lab_file: Path | None = None) -> list[Written]:
    """Return the journals whose owner is gone, oldest first; of one lab only if one is named.

    Raises:
        UsageFault: the state folder cannot be made.
    """
    found = []
    for path in sorted(state_folder().glob(f"*{SUFFIX}"), key=lambda p: (_age(p), p.name)):
        with suppress(OSError):
            written = read_journal(path)
            ours = lab_file is None or written.lab_file == lab_file.resolve()
            if written.owner_is_gone and ours:
                found.append(written)
    return found


def _age(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def recover(lab_file: Path | None = None, *, give_up: bool = False) -> list[Recovered]:
    """Make safe what killed runs left: keys up, outlets at rest, nothing running, runs finished.

    Args:
        lab_file: only benches of this lab; every bench of this machine without one.
        give_up: remove a journal also when something of it could not be done.

    Returns:
        What was done and what is left, by journal. One with something left stays for the next time.

    Raises:
        UsageFault: the state folder cannot be made.
    """
    told = []
    seen: set[Path] = set()
    # The sides of a parallel run may outlive its host for a moment: they are ended with it, and
    # only then their own journals are lost ones.
    while new := [each for each in lost_journals(lab_file) if each.path not in seen]:
        for written in new:
            seen.add(written.path)
            with _alone(written.path) as ours:
                if ours:
                    told.append(_recover(written, give_up=give_up))
    return told


def _recover(written: Written, *, give_up: bool) -> Recovered:
    told = Recovered(written)
    lab = _lab(written, told)
    if lab is not None:
        try:
            with ExitStack() as stack:
                if _real_devices(written, lab):
                    # Another harness may use the same devices by now; its night comes first.
                    mine = reserve(station_resources(lab), reason=f"recovery of {lab.name}")
                    stack.enter_context(mine)
                used = _used(written, lab)
                lease = stack.enter_context(
                    leased(used, Timeline().observer("labgrid"), partly=True)
                )
                _keys_up(written, lease, told)
                _outlets_at_rest(written, lease, told)
        except BenchFault as fault:
            told.left.append(_sentence(fault))
    try:
        told.done += end_leftovers(written)
    except HarnessError as error:
        told.left.append(_sentence(error))
    _finish_run(written, lab, told)
    if not told.left or give_up:
        try:
            written.path.unlink(missing_ok=True)
        except OSError as error:
            told.left.append(f"{written.path} cannot be removed: {error.strerror}")
    return told


def _lab(written: Written, told: Recovered) -> Lab | None:
    """Read the lab of a journal; without devices to be made safe it is not missed."""
    if written.lab_file is None:
        return None
    try:
        return load_lab(written.lab_file)
    except HarnessError as error:
        if written.keypads or written.outlets:
            told.left.append(f"its devices are not known: {_sentence(error)}")
        return None


def _real_devices(written: Written, lab: Lab) -> bool:
    keypads = [lab.keypads[name] for name in written.keypads if name in lab.keypads]
    pdus = [lab.power[name] for name, _ in written.outlets if name in lab.power]
    return any(not each.virtual for each in (*keypads, *pdus))


def _used(written: Written, lab: Lab) -> Lab:
    """Return a lab without devices that nothing was done with: their places need not be free."""
    pdus = {pdu for pdu, _ in written.outlets}
    return lab.model_copy(
        update={
            "power": {name: spec for name, spec in lab.power.items() if name in pdus},
            "keypads": {n: spec for n, spec in lab.keypads.items() if n in written.keypads},
        }
    )


def _keys_up(written: Written, lease: Lease, told: Recovered) -> None:
    lab = lease.lab
    for name in sorted(written.keypads):
        spec = lab.keypads.get(name)
        held = " ".join(sorted(written.keys.get(name, ())))
        if spec is None:
            told.left.append(
                f"{name} is not in {written.lab_file} any more: see that no key is down"
            )
            continue
        if spec.virtual:
            continue
        observe = Timeline().observer(name)
        try:
            lease.needed(name)
            # A gantry lifts its stylus and homes as it is opened.
            keypad = build_keypad(lab, name, spec.port, observe)
            try:
                keypad.release_all()
            finally:
                keypad.close()
        except HarnessError as error:
            told.left.append(_sentence(error))
            continue
        told.done.append(f"{name}: every key is up" + (f"; may have held {held}" if held else ""))


def _outlets_at_rest(written: Written, lease: Lease, told: Recovered) -> None:
    lab = lease.lab
    for name in sorted({pdu for pdu, _ in written.outlets}):
        spec = lab.power.get(name)
        outlets = {at: each for (pdu, at), each in written.outlets.items() if pdu == name}
        if spec is None:
            told.left.append(
                f"{name} is not in {written.lab_file} any more: see to outlet {', '.join(outlets)}"
            )
            continue
        if spec.virtual:
            continue
        try:
            lease.needed(name)
            power = open_power(spec, name, Timeline().observer(name), named=list(outlets))
        except HarnessError as error:
            told.left.append(_sentence(error))
            continue
        try:
            for outlet, each in outlets.items():
                try:
                    state = put_at_rest(power, outlet, spec.rest, each.before)
                    told.done.append(f"{name}: outlet {outlet} {state}")
                except HarnessError as error:
                    told.left.append(_sentence(error))
        finally:
            power.close()


def _finish_run(written: Written, lab: Lab | None, told: Recovered) -> None:
    if written.run is None or not written.run.is_dir() or _goes_on(written.run):
        return
    history = written.run.parent / FILE_NAME
    with suppress(OSError, ValueError):
        head = json.loads((written.run / HEAD).read_text(encoding="utf-8"))
        history = Path(head.get("options", {}).get("history") or history)
    try:
        run = finish_interrupted(
            written.run, history, secrets=lab.secrets() if lab is not None else set()
        )
    except HarnessError as error:
        told.left.append(_sentence(error))
        return
    if run is not None:
        ended = f"{len(run.results)} results" if run.results else "no results"
        told.done.append(f"{run.run_id}: {ended}, {run.interrupted or 'ended'}: {run.paths[0]}")


def _goes_on(run: Path) -> bool:
    """Whether another process still carries out a run, which then ends it itself."""
    for path in state_folder().glob(f"*{SUFFIX}"):
        with suppress(OSError):
            other = read_journal(path)
            if other.run == run and not other.owner_is_gone:
                return True
    return False


@contextmanager
def _alone(journal: Path) -> Iterator[bool]:
    """Wait until nobody else recovers a journal; False when it was done meanwhile."""
    try:
        handle = os.open(journal, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield journal.exists()
    finally:
        os.close(handle)


def _sentence(error: HarnessError) -> str:
    device = f"{error.device}: " if error.device else ""
    hint = f" (try: {error.hint})" if error.hint else ""
    return f"{device}{error.summary}{hint}"
