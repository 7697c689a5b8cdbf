"""``harness keypad ...``: teach a gantry where its phone lies, and check every key of a phone.

``calibrate`` needs a gantry (driver: grbl); ``test`` takes any keypad.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.bench import Bench, open_bench, open_keypad
from harness.cli.options import add_lab_option, add_wait_option
from harness.errors import BenchFault, UsageFault
from harness.events import Note, Record, Waiting
from harness.keypad import Fate, GrblKeypad
from harness.keypad.build import calibration_path, phones_under
from harness.keypad.calibration import write_calibration
from harness.keypad.layout import Layout, Point, key_layout
from harness.lab import GrblSpec, Lab, load_lab
from harness.phone.key_check import KeyCheck, KeyFinding
from harness.steady import RUN_CLOCK
from harness.timeline import Timeline

__all__ = ["configure", "run"]

_BAD = (Fate.LOST, Fate.DOUBLED, Fate.STUCK, Fate.WRONG)
_STEPS = {"a": (-1, 0), "d": (1, 0), "w": (0, 1), "s": (0, -1)}
_HELP = """Bring the stylus over the middle of each key. Type and press Enter:
  a d w s    left, right, up, down by the step     1 0.1 10    another step in mm
  t          touch the key once                    Enter       take this position
  q          give up, write nothing"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    calibrate = actions.add_parser("calibrate", help="say where the phone lies under a gantry")
    add_lab_option(calibrate)
    add_wait_option(calibrate)
    calibrate.add_argument("name", help="the keypad's name in lab.yaml")
    calibrate.add_argument("--phone", default="", help="which one, under a gantry over several")
    calibrate.add_argument(
        "--points",
        nargs="+",
        metavar="KEY=X,Y",
        help="machine coordinates of three keys or more, instead of asking",
    )
    test = actions.add_parser("test", help="press each key and see whether the phone felt it")
    add_lab_option(test)
    add_wait_option(test)
    test.add_argument("phone", help="its name in lab.yaml")
    test.add_argument("--keys", nargs="+", metavar="KEY", help="only these; default: all")


def run(options: argparse.Namespace) -> int:
    """Carry out one action.

    Raises:
        UsageFault: lab.yaml has no such keypad or phone, or it is not a gantry.
        BenchFault: the keypad or the phone cannot be reached.
    """
    lab = load_lab(Path(options.lab))
    if options.action == "calibrate":
        return _calibrate(lab, options.name, options.phone, options.points, options.wait)
    return _test(lab, options.phone, options.keys, options.wait)


# --- calibrate ------------------------------------------------------------------------------------


def _calibrate(lab: Lab, name: str, phone: str, given: list[str] | None, wait: float) -> int:
    if name not in lab.keypads:
        raise UsageFault(
            f"no keypad named {name} in lab.yaml", hint=f"choose from: {', '.join(lab.keypads)}"
        )
    spec = lab.keypads[name]
    if not isinstance(spec, GrblSpec):
        raise UsageFault(
            f"a {spec.driver} controller needs no calibration",
            device=name,
            hint="its contacts sit on the keys; see harness keypad test",
        )
    phone = _which(lab, name, phone)
    layout = key_layout(phones_under(lab, name)[phone])
    path = calibration_path(lab, name, spec, phone)
    points = _parse(given, name) if given else _ask(lab, name, phone, layout, wait)
    made = write_calibration(path, name, layout, points, phone if spec.positions else "")
    for axis, (x, y), offset in zip("xy", made.matrix, made.offset, strict=True):
        # Adding zero takes the sign off a zero.
        print(f"{axis} = {round(x, 4) + 0.0:.4f} x {round(y, 4) + 0.0:+.4f} y {offset:+.3f}")
    print(f"written and read back: {path}")
    return 0


def _which(lab: Lab, name: str, phone: str) -> str:
    """Return the phone that is meant, which need not be said where there is but one."""
    under = phones_under(lab, name)
    if not phone and len(under) == 1:
        return next(iter(under))
    if phone not in under:
        said = f"no phone named {phone} lies under it" if phone else "several phones lie under it"
        hint = f"add --phone and one of: {', '.join(under)}"
        raise UsageFault(said, device=name, hint=hint)
    return phone


def _parse(given: list[str], name: str) -> dict[str, Point]:
    points: dict[str, Point] = {}
    for word in given:
        key, equals, place = word.rpartition("=")
        try:
            x, y = (float(number) for number in place.split(","))
        except ValueError:
            equals = ""
            x = y = 0.0
        if not equals or key in points:
            raise UsageFault(
                f"{word!r} is no point", device=name, expected="KEY=X,Y once for each key, in mm"
            )
        points[key] = (x, y)
    return points


def _ask(lab: Lab, name: str, phone: str, layout: Layout, wait: float) -> dict[str, Point]:
    timeline = Timeline()
    timeline.listen(_tell)
    with (
        tempfile.TemporaryDirectory(prefix="phone-bench-") as directory,
        open_keypad(lab, name, Path(directory), timeline, wait=wait) as keypad,
    ):
        if not isinstance(keypad, GrblKeypad):  # pragma: no cover (checked by the caller)
            raise UsageFault(f"{name} is no gantry", device=name)
        print(_HELP)
        over = keypad.over(phone)
        return {key: _point_at(over, key, layout) for key in layout.references}


def _point_at(keypad: GrblKeypad, key: str, layout: Layout) -> Point:
    """Let a person bring the stylus over one key."""
    x, y, _ = keypad.where()
    want = keypad.calibration.machine(layout.keys[key])
    here = keypad.jog(want[0] - x, want[1] - y)
    step = 1.0
    while True:
        print(f"{key}: {here[0]:.2f}, {here[1]:.2f}  step {step:g} > ", end="", flush=True)
        word = sys.stdin.readline()
        if not word or word.strip() == "q":
            raise UsageFault("given up, nothing was written", device=keypad.name)
        word = word.strip()
        try:
            if not word:
                return here
            if word in _STEPS:
                here = keypad.jog(_STEPS[word][0] * step, _STEPS[word][1] * step)
            elif word == "t":
                keypad.touch()
            else:
                step = float(word)
        except ValueError:
            print(_HELP)
        except UsageFault as fault:
            print(fault)


# --- test -----------------------------------------------------------------------------------------


def _test(lab: Lab, name: str, wanted: list[str] | None, wait: float) -> int:
    if name not in lab.phones:
        raise UsageFault(
            f"no phone named {name} in lab.yaml", hint=f"choose from: {', '.join(lab.phones)}"
        )
    if not lab.peers:
        raise UsageFault("nobody can call the phone", hint="lab.yaml: peers needs one")
    keys = tuple(key_layout(lab.phones[name].model).keys)
    unknown = [key for key in wanted or () if key not in keys]
    if unknown:
        raise UsageFault(
            f"a {lab.phones[name].model} has no key {', '.join(unknown)} to test",
            expected="some of " + " ".join(keys),
        )
    timeline = Timeline()
    timeline.listen(_tell)
    with (
        tempfile.TemporaryDirectory(prefix="phone-bench-") as directory,
        open_bench(lab, Path(directory), timeline, wait=wait) as bench,
    ):
        phone = bench.phones[name]
        phone.bring_up()
        check = KeyCheck(phone, next(iter(bench.peers.values())), timeline, _event(bench, name))
        findings = check.run(tuple(wanted or keys))
    return _print(lab.phones[name].keypad, findings)


def _tell(record: Record) -> None:
    """Print what is waited for, and a fault that was planted in a twin."""
    event = record.event
    if isinstance(event, Waiting) or (isinstance(event, Note) and "fault fired" in event.text):
        print(event)


def _event(bench: Bench, phone: str) -> Callable[[], bool]:
    """Tell whether the phone sends a telephone event now: dynamic payload types are no audio."""
    address = bench.phones[phone].address

    def sends() -> bool:
        since = RUN_CLOCK.now() - 0.5
        return any(
            seen >= since
            for stream in bench.capture.rtp.streams(source=address, since=since)
            for payload_type, seen in stream.last_seen.items()
            if payload_type >= 96
        )

    return sends


def _print(keypad: str, findings: list[KeyFinding]) -> int:
    """Print a line for each key; 3 when a key is not as it should be."""
    print(f"{'key':12} {'result':9} seen by")
    for finding in findings:
        print(f"{finding.key:12} {finding.fate:9} {finding.witness}")
    bad = [finding for finding in findings if finding.fate in _BAD]
    unseen = sum(finding.fate is Fate.UNSEEN for finding in findings)
    good = len(findings) - len(bad) - unseen
    print(f"{keypad}: {good} ok, {len(bad)} bad, {unseen} without a witness")
    if bad:
        told = ", ".join(f"{finding.key} {finding.fate}" for finding in bad)
        print(f"bench fault: {told}", file=sys.stderr)
    return BenchFault.exit_code if bad else 0
