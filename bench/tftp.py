"""Compare TFTP servers at firmware serving: ``make bench`` or ``python -m bench.tftp``."""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.servers import NAMES, Running, running
from bench.written import write_result
from harness.errors import BenchFault, HarnessError
from harness.provisioning import load_manifest, make_up

LOAD = "SIP42.9-3-1SR4-1S"
CLIENTS = (1, 8, 24)
MOST_CLIENTS = 200
ADDRESS = "127.52.0.1"


def phone_address(number: int) -> str:
    return f"127.52.1.{number}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One server, one number of clients, one round: every transfer verified."""

    round: int
    server: str
    clients: int
    seconds: float
    megabytes_per_second: float
    slowest_transfer: float
    resent: int
    client_cpu_share: float


def measure(server: Running, clients: int, number: int, digests: dict[str, str]) -> Measurement:
    """Let phones fetch the whole set from a server.

    Raises:
        BenchFault: a transfer failed or brought other bytes than the file has.
    """
    job = {
        "server": [server.address, server.port],
        "phones": [phone_address(index + 1) for index in range(clients)],
        "files": list(digests),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.phones"],
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    if "error" in outcome:
        raise BenchFault(f"{server.name}, {clients} clients: {outcome['error']}", device="bench")
    wrong = [
        each["file"] for each in outcome["transfers"] if each["sha256"] != digests[each["file"]]
    ]
    if wrong or len(outcome["transfers"]) != clients * len(digests):
        raise BenchFault(
            f"{server.name}, {clients} clients: other bytes in {wrong}", device="bench"
        )
    size = sum(each["size"] for each in outcome["transfers"])
    seconds = outcome["seconds"]
    return Measurement(
        round=number,
        server=server.name,
        clients=clients,
        seconds=round(seconds, 4),
        megabytes_per_second=round(size / seconds / 1e6, 2),
        slowest_transfer=round(max(each["s"] for each in outcome["transfers"]), 4),
        resent=outcome["resent"],
        client_cpu_share=round(outcome["client_cpu"] / seconds, 3),
    )


def ratios(measured: list[Measurement], server: str, clients: int, *, against: str) -> list[float]:
    """How many times as fast as another server in the same round; above 1 is faster."""

    def seconds(name: str) -> dict[int, float]:
        return {m.round: m.seconds for m in measured if (m.server, m.clients) == (name, clients)}

    own, reference = seconds(server), seconds(against)
    return [reference[number] / own[number] for number in own]


def as_table(
    measured: list[Measurement], names: list[str], clients: tuple[int, ...], *, against: str
) -> str:
    """One row for each server and number of clients."""
    head = (
        f"| clients | server | MB/s, median (min–max) | speed against {against}, median (min–max) "
        "| slowest file, s | client's CPU share | sent again |"
    )
    rows = [head, "|---|---|---|---|---|---|---|"]
    for count in clients:
        for name in names:
            cell = [m for m in measured if (m.server, m.clients) == (name, count)]
            speeds = [m.megabytes_per_second for m in cell]
            times = ratios(measured, name, count, against=against)
            rows.append(
                f"| {count} | {name} "
                f"| {statistics.median(speeds):.1f} ({min(speeds):.1f}–{max(speeds):.1f}) "
                f"| {statistics.median(times):.2f} ({min(times):.2f}–{max(times):.2f}) "
                f"| {max(m.slowest_transfer for m in cell):.2f} "
                f"| {statistics.median(m.client_cpu_share for m in cell):.2f} "
                f"| {sum(m.resent for m in cell)} |"
            )
    return "\n".join(rows)


def run(rounds: int, clients: tuple[int, ...], names: list[str], target: Path) -> list[Measurement]:
    """Measure everything, and write it as JSON."""
    measured: list[Measurement] = []
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        root = Path(scratch) / "root"
        make_up(load_manifest(LOAD), root)
        for folder in (Path(scratch), root):
            # tftpd-hpa and atftpd read as nobody.
            folder.chmod(0o755)
        # Reading for the digests also warms the page cache.
        digests = {
            name: hashlib.sha256((root / name).read_bytes()).hexdigest()
            for name in load_manifest(LOAD).names
        }
        phones = [phone_address(index + 1) for index in range(max(clients))]
        servers = [
            stack.enter_context(running(name, root, ADDRESS, phones, Path(scratch)))
            for name in names
        ]
        for number in range(1, rounds + 1):
            for count in clients:
                # Another one first in each round: none always meets what one other left.
                turn = number % len(servers)
                for server in servers[turn:] + servers[:turn]:
                    one = measure(server, count, number, digests)
                    measured.append(one)
                    print(
                        f"round {number}  {count:2} clients  {server.name:10} "
                        f"{one.megabytes_per_second:6.1f} MB/s",
                        file=sys.stderr,
                        flush=True,
                    )
        versions = {server.name: server.version for server in servers}
    write_result(
        target,
        f"{LOAD}, {len(digests)} files, 512-byte blocks, no options",
        versions=versions,
        measurements=[asdict(one) for one in measured],
    )
    return measured


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, nargs="+", default=list(CLIENTS))
    parser.add_argument("--servers", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--against", choices=NAMES, default="tftpd-hpa")
    parser.add_argument("--json", type=Path, default=Path("runs/bench/tftp.json"))
    given = parser.parse_args(arguments)
    if given.against not in given.servers:
        parser.error(f"--against {given.against} is not among --servers")
    if given.rounds < 1 or not all(1 <= count <= MOST_CLIENTS for count in given.clients):
        parser.error(f"at least 1 round, and 1 to {MOST_CLIENTS} clients")
    started = time.monotonic()
    try:
        measured = run(given.rounds, tuple(given.clients), given.servers, given.json)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    print(as_table(measured, given.servers, tuple(given.clients), against=given.against))
    print(f"\n{given.rounds} rounds in {time.monotonic() - started:.0f} s; {given.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
