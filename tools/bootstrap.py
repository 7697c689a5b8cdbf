"""Install what is missing, then run lint, tests or a night: behind ``make`` and ``.ci/run``.

Standard library only, so that the system's own python3 can run it. What it installs by apt it
looks for first; what it downloads or builds it keeps in ``~/.cache/phone-bench`` (or
``PHONE_BENCH_CACHE``), so a second run starts working in seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
CACHE = Path(os.environ.get("PHONE_BENCH_CACHE", Path.home() / ".cache" / "phone-bench"))
LOCK = ROOT / "requirements.lock"
LABGRID_LOCK = ROOT / "tools" / "labgrid.lock"
OLDEST = (3, 11)

#: Debian package by the program or file that shows it is there.
SYSTEM = {
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "tcpdump": "tcpdump",
    "tshark": "tshark",
    "tftp": "tftp-hpa",
    "ip": "iproute2",
    "ss": "iproute2",
    "dnsmasq": "dnsmasq-base",
    "dhcpd": "isc-dhcp-server",
    "kea-dhcp4": "kea-dhcp4-server",
    "snmpget": "snmp",
    "snmpd": "snmpd",
}
SBIN = ("/usr/sbin", "/sbin")


class Trouble(Exception):
    """Something a person has to see to; the text says what."""


def say(text: str) -> None:
    print(f"── {text}", flush=True)


def timed(what: str, action: Callable[[], bool]) -> None:
    """Run one step and say how long it took; quick no-ops say nothing."""
    started = time.monotonic()
    if action():
        say(f"{what}: {time.monotonic() - started:.1f} s")


def run(*command: str | Path, quiet: bool = False, **environment: str) -> None:
    """Run a command; its failure is trouble, with the end of its output."""
    result = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
    )
    if result.returncode:
        tail = "\n".join((result.stdout or "").splitlines()[-15:])
        raise Trouble(f"'{' '.join(map(str, command[:6]))}' ended with {result.returncode}\n{tail}")


def has(program: str) -> bool:
    path = os.pathsep.join([os.environ.get("PATH", ""), *SBIN])
    return shutil.which(program, path=path) is not None


def system_packages() -> bool:
    """Install the Debian packages whose program is not there."""
    missing = sorted({package for program, package in SYSTEM.items() if not has(program)})
    if not missing:
        return False
    if not has("apt-get"):
        raise Trouble(f"missing programs, and no apt-get to install them: {', '.join(missing)}")
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and not has("sudo"):
        raise Trouble(f"run as root once, or install by hand: apt-get install {' '.join(missing)}")
    say(f"installing {', '.join(missing)}")
    # Run level 1: the packages' own scripts start no DHCP server on this machine's network.
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run(*root, "apt-get", "update", "-qq", quiet=True, **quiet)
    install = ("install", "-y", "-qq", "--no-install-recommends")
    run(*root, "apt-get", *install, *missing, quiet=True, **quiet)
    still = [program for program in SYSTEM if not has(program)]
    if still:
        raise Trouble(f"apt-get ran, but these programs are not there: {', '.join(still)}")
    return True


def stamp_of(*files: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def virtual_environment() -> bool:
    """Make ``.venv`` from the lock, unless it already is."""
    if sys.version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise Trouble(f"python3 is {sys.version.split()[0]}; {wanted} or newer is needed")
    stamp = VENV / "made-from"
    wanted_stamp = stamp_of(LOCK, ROOT / "pyproject.toml")
    if stamp.exists() and stamp.read_text() == wanted_stamp and (BIN / "harness").exists():
        return False
    say("making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run(sys.executable, "-m", "venv", VENV, quiet=True)
    except Trouble as trouble:
        raise Trouble(f"{trouble}\non Debian: apt-get install python3-venv") from trouble
    pip = (BIN / "python", "-m", "pip", "--disable-pip-version-check", "-q")
    cache = {"PIP_CACHE_DIR": str(CACHE / "pip")}
    run(*pip, "install", "--require-hashes", "-r", LOCK, quiet=True, **cache)
    editable = ("install", "--no-build-isolation", "--no-deps", "-e", ".")
    run(*pip, *editable, quiet=True, **cache)
    stamp.write_text(wanted_stamp)
    return True


def labgrid_environment() -> bool:
    """Make a virtual environment with labgrid: its pyserial would overwrite ours (decision 14)."""
    venv = CACHE / "labgrid"
    stamp = venv / "made-from"
    wanted_stamp = stamp_of(LABGRID_LOCK)
    if stamp.exists() and stamp.read_text() == wanted_stamp:
        return False
    shutil.rmtree(venv, ignore_errors=True)
    run(sys.executable, "-m", "venv", venv, quiet=True)
    pip = (venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q")
    cache = {"PIP_CACHE_DIR": str(CACHE / "pip")}
    run(*pip, "install", "--require-hashes", "-r", LABGRID_LOCK, quiet=True, **cache)
    stamp.write_text(wanted_stamp)
    return True


def image() -> bool:
    """Build the Asterisk image unless it is there and runs."""
    before = time.monotonic()
    code = (
        "import sys; from pathlib import Path; from harness.pbx.image import build_image;"
        "print(build_image(sys.argv[1], Path(sys.argv[2])))"
    )
    run(BIN / "python", "-c", code, "localhost/asterisk:22", CACHE / "images", quiet=True)
    return time.monotonic() - before > 5.0


def prepare() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    timed("system packages", system_packages)
    timed("virtual environment", virtual_environment)
    timed("labgrid's own environment", labgrid_environment)
    timed("Asterisk image", image)


def environment() -> dict[str, str]:
    """The environment the tools run in: the virtual environment first, system programs too."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", ""), *SBIN])
    return {"PATH": path, "VIRTUAL_ENV": str(VENV)}


LINT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ruff check", ("ruff", "check", ".")),
    ("ruff format", ("ruff", "format", "--check", ".")),
    ("types", ("mypy",)),
    ("import arrows", ("lint-imports",)),
)
PYTEST = ("python", "-m", "pytest", "-p", "no:cacheprovider")


def checks(names: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    every: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
        "lint": LINT,
        "unit": (("unit tests", (*PYTEST, "tests/unit")),),
        "integration": (("integration tests", (*PYTEST, "tests/integration")),),
        "nightly": (("one night", ("harness", "nightly", "--plain")),),
    }
    return [check for name in names for check in every[name]]


def skips_in(output: str) -> int:
    """Count the skips in pytest's closing lines."""
    return sum(int(number) for number in re.findall(r"(\d+) skipped", output))


def perform(names: tuple[str, ...]) -> int:
    """Run the checks, all of them, and say at the end what each did."""
    outcome: list[tuple[str, float, str]] = []
    began = time.monotonic()
    for title, command in checks(names):
        say(title)
        started = time.monotonic()
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            cwd=ROOT,
            env={**os.environ, **environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        lines: list[str] = []
        if process.stdout is not None:
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                lines.append(line)
        status = process.wait()
        skipped = skips_in("".join(lines))
        verdict = "ok" if status == 0 else f"FAILED ({status})"
        if skipped and os.environ.get("CI"):
            verdict = f"FAILED: {skipped} skipped, and CI allows none"
        outcome.append((title, time.monotonic() - started, verdict))
    say("summary")
    for title, seconds, verdict in outcome:
        print(f"{title:20} {seconds:7.1f} s  {verdict}")
    print(f"{'all':20} {time.monotonic() - began:7.1f} s")
    return int(any(verdict != "ok" for _, _, verdict in outcome))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "what",
        choices=["install", "nightly", "test", "lint", "unit", "integration", "doctor"],
    )
    what = parser.parse_args().what
    try:
        prepare()
        if what == "install":
            return 0
        if what in ("nightly", "doctor"):
            # The live view wants the terminal itself.
            return subprocess.run(
                [str(BIN / "harness"), what],
                cwd=ROOT,
                env={**os.environ, **environment()},
                check=False,
            ).returncode
        every = ("lint", "unit", "integration", "nightly")
        return perform(every if what == "test" else (what,))
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
