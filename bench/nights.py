"""Compare nights with what their phones need by themselves: ``python -m bench.nights``.

The whole regression suite, on one virtual phone and on many at the same time, at one speed. What a
night takes is divided by the critical path: the time in which the one phone of the first night was
busy. With many phones at once that stays the shortest a night can be.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.path import critical_path
from bench.written import write_result
from harness.errors import BenchFault, HarnessError
from harness.runs import Verdict, load_run
from harness.timeline import read_timelines

PHONES = 16
MOST_PHONES = 32
SPEED = 5.0
_FIRST = "desk-01"


@dataclass(frozen=True, slots=True)
class Night:
    """One night: every test passed. Times in seconds; ``ratio`` to the critical path."""

    phones: int
    tests: int
    seconds: float
    processor: float
    path: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.path


def rack_yaml(phones: int, speed: float) -> str:
    """Return a lab of virtual 7942Gs, each with an outlet and a keypad."""
    numbers = range(1, phones + 1)
    keypads = "\n".join(f"  keypad-{n:02}: {{port: virtual}}" for n in numbers)
    desks = "\n".join(
        f"  desk-{n:02}: {{model: 7942G, mac: '00:24:C4:AB:CE:{n:02X}',"
        f" address: 127.53.0.{100 + n}, outlet: pdu-1/{n}, keypad: keypad-{n:02},"
        f" tone: {1010 + 50 * n}, lines: [{{user: '{300 + n}'}}]}}"
        for n in numbers
    )
    return f"""name: rack
network: {{host: 127.53.0.1}}
virtual: {{speed: {speed}}}
power: {{pdu-1: {{address: virtual, outlets: {phones}, draw_a: 0.05}}}}
keypads:
{keypads}
pbx: {{address: 127.53.0.2}}
peers:
  alice: {{extension: '211', tone: 440, address: 127.53.0.3}}
  bob:   {{extension: '212', tone: 620, address: 127.53.0.3}}
  carol: {{extension: '213', tone: 850, address: 127.53.0.3}}
phones:
{desks}
"""


def night(lab: Path, phones: int, keyword: str, path: float = 0.0) -> Night:
    """Run one night and measure it.

    Args:
        lab: a lab that has these phones.
        phones: how many of them, from the first.
        keyword: only tests that match.
        path: the critical path, if it is known; else it is that of this night.

    Raises:
        BenchFault: a test did not pass.
    """
    names = [f"desk-{number:02}" for number in range(1, phones + 1)]
    runs = lab.parent / f"runs-{phones}"
    words = ["nightly", "--plain", "--lab", str(lab), "--runs-dir", str(runs), "-k", keyword]
    words += ["--phones", ",".join(names), *(["--parallel", "auto"] if phones > 1 else [])]
    before, began = _processor(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds, processor = time.monotonic() - began, _processor() - before
    if done.returncode:
        raise BenchFault(f"a night of {phones}:\n{done.stdout[-3000:]}", device="bench")
    (directory,) = (each for each in runs.glob("2*") if each.is_dir())
    run = load_run(directory)
    if not run.results or {r.verdict for r in run.results} != {Verdict.PASSED} or run.not_run:
        raise BenchFault(f"a night of {phones}: not all passed in {directory}", device="bench")
    path = path or critical_path(read_timelines(directory), _FIRST, "keypad-01")
    return Night(phones, len(run.results), round(seconds, 1), round(processor, 1), round(path, 1))


def _processor() -> float:
    """Seconds of processor time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def as_table(nights: list[Night]) -> str:
    """One row for each night."""
    rows = ["| phones | tests | wall, s | critical path, s | wall ÷ path | processor, s |"]
    rows.append("|---|---|---|---|---|---|")
    for one in nights:
        rows.append(
            f"| {one.phones} | {one.tests} | {one.seconds:.1f} | {one.path:.1f} "
            f"| {one.ratio:.2f} | {one.processor:.1f} |"
        )
    return "\n".join(rows)


def run(phones: int, speed: float, keyword: str, target: Path) -> list[Night]:
    """Measure both nights, and write them as JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        lab = Path(scratch) / "lab.yaml"
        lab.write_text(rack_yaml(phones, speed), encoding="utf-8")
        nights = [night(lab, 1, keyword)]
        nights += [night(lab, phones, keyword, nights[0].path)] if phones > 1 else []
    write_result(
        target,
        f"virtual 7942Gs at {speed:g} times device time, tests: {keyword or 'all'}",
        nights=[asdict(one) | {"ratio": round(one.ratio, 3)} for one in nights],
    )
    return nights


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=PHONES, help="of the second night")
    parser.add_argument("--speed", type=float, default=SPEED, help="device time, times faster")
    parser.add_argument("-k", dest="keyword", default="", help="only tests that match")
    parser.add_argument("--json", type=Path, default=Path("runs/bench/nights.json"))
    given = parser.parse_args(arguments)
    if not 1 <= given.phones <= MOST_PHONES or not 1 <= given.speed <= 1000:
        parser.error(f"1 to {MOST_PHONES} phones, at a speed of 1 to 1000")
    try:
        nights = run(given.phones, given.speed, given.keyword, given.json)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    print(as_table(nights))
    print(f"\nspeed {given.speed:g}; {given.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
