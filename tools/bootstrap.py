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
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import micropython

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
    "ssh": "openssh-client",
    "dnsmasq": "dnsmasq-base",
    "dhcpd": "isc-dhcp-server",
    "kea-dhcp4": "kea-dhcp4-server",
    "chromium": "chromium",
    "snmpget": "snmp",
    "snmpd": "snmpd",
    "ser2net": "ser2net",
    "faketime": "faketime",
    "systemd-analyze": "systemd",
}
SBIN = ("/usr/sbin", "/sbin")
#: What ``make bench`` compares with: unpacked, not installed, since the two Debian packages
#: conflict and would start a server on port 69. Program by package; the libraries they load.
BENCH_SERVERS = {"tftpd-hpa": "in.tftpd", "atftpd": "atftpd"}
BENCH_LIBRARIES = ("libwrap0", "libpcre2-8-0")


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


VERSIONS = ("16", "22")


def images(versions: tuple[str, ...]) -> bool:
    """Build the Asterisk images that are not there or do not run."""
    before = time.monotonic()
    code = (
        "import sys; from pathlib import Path; from harness.pbx.image import build_image;"
        "print(build_image(sys.argv[1], Path(sys.argv[2]), version=int(sys.argv[3])))"
    )
    for version in versions:
        name = f"localhost/asterisk:{version}"
        run(BIN / "python", "-c", code, name, CACHE / "images", version, quiet=True)
    return time.monotonic() - before > 5.0


def bench_servers() -> bool:
    """Unpack the TFTP servers to compare with into the cache, unless they run from there."""
    folder = CACHE / "tftp-servers"
    programs = [folder / name for name in BENCH_SERVERS.values()]
    if all(path.exists() and not missing_libraries(path) for path in programs):
        return False
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    say(f"unpacking {', '.join(BENCH_SERVERS)}")
    run(*root, "apt-get", "update", "-qq", quiet=True, **quiet)
    install = ("install", "-y", "-qq", "--no-install-recommends")
    run(*root, "apt-get", *install, *BENCH_LIBRARIES, quiet=True, **quiet)
    folder.mkdir(parents=True, exist_ok=True)
    for package, program in BENCH_SERVERS.items():
        with tempfile.TemporaryDirectory() as scratch:
            # apt-get download writes to where it is.
            fetch = f"cd {shlex.quote(scratch)} && apt-get download -qq {package}"
            run("sh", "-c", f"{fetch} && dpkg-deb -x {package}_*.deb .", quiet=True)
            shutil.move(Path(scratch) / "usr/sbin" / program, folder / program)
    still = [path.name for path in programs if missing_libraries(path)]
    if still:
        raise Trouble(f"these programs lack libraries (ldd tells which): {', '.join(still)}")
    return True


def missing_libraries(program: Path) -> bool:
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    return "not found" in told.stdout


def bench() -> int:
    """Compare the TFTP server with others, and nights with what their phones need."""
    timed("TFTP servers", bench_servers)
    servers = {"BENCH_SERVERS": str(CACHE / "tftp-servers"), "PYTHONPATH": str(ROOT)}
    codes = [
        subprocess.run(
            [str(BIN / "python"), "-m", module],
            cwd=ROOT,
            env={**os.environ, **environment(), **servers},
            check=False,
        ).returncode
        for module in ("bench.tftp", "bench.nights")
    ]
    return max(codes)


def unix_micropython() -> bool:
    """Fetch MicroPython, which runs the keypad firmware in tests, unless it is here."""
    before = time.monotonic()
    try:
        micropython.obtain(CACHE)
    except micropython.MissingError as missing:
        raise Trouble(str(missing)) from missing
    return time.monotonic() - before > 1.0


def prepare(versions: tuple[str, ...]) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    timed("system packages", system_packages)
    timed("virtual environment", virtual_environment)
    timed("labgrid's own environment", labgrid_environment)
    timed(f"Asterisk {' and '.join(versions)}", lambda: images(versions))
    timed("MicroPython", unix_micropython)


def environment() -> dict[str, str]:
    """The environment the tools run in: the virtual environment first, system programs too."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", ""), *SBIN])
    return {"PATH": path, "VIRTUAL_ENV": str(VENV)}


#: Strict: a link that leads nowhere fails it. --quiet would silence the warnings that it counts.
SITE = ("mkdocs", "build", "--strict", "--config-file", "tools/mkdocs.yml")
LINT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ruff check", ("ruff", "check", ".")),
    ("ruff format", ("ruff", "format", "--check", ".")),
    ("types", ("mypy",)),
    ("import arrows", ("lint-imports",)),
    ("docs", SITE),
)
CHECKS = ("lint", "unit", "integration", "nightly")
PYTEST = ("python", "-m", "pytest", "-p", "no:cacheprovider")


def checks(names: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    every: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
        "lint": LINT,
        "unit": (("unit tests", (*PYTEST, "-n", "2", "tests/unit")),),
        "integration": (("integration tests", (*PYTEST, "-n", "2", "tests/integration")),),
        "nightly": (
            (
                "a night on both",
                ("harness", "nightly", "--plain", "--pbx", "both", "--parallel", "auto"),
            ),
        ),
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
        choices=[*CHECKS, "install", "doctor", "image", "bench", "test"],
    )
    parser.add_argument(
        "--pbx", default="", choices=["", "asterisk16", "asterisk22", "both"], help="of a night"
    )
    options = parser.parse_args()
    # A shell's background job is born deaf to Ctrl-C, and so would be all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    what = options.what
    # A night or a look around needs the shipped lab's Asterisk; all else may need both.
    one = options.pbx.removeprefix("asterisk") or "22"
    alone = what in ("nightly", "doctor", "lint", "unit", "bench") and one in VERSIONS
    try:
        prepare((one,) if alone else VERSIONS)
        if what == "bench":
            return bench()
        if what in ("install", "image"):
            return 0
        if what in ("nightly", "doctor"):
            # The live view wants the terminal itself.
            chosen = ["--pbx", options.pbx] if options.pbx and what == "nightly" else []
            return subprocess.run(
                [str(BIN / "harness"), what, *chosen],
                cwd=ROOT,
                env={**os.environ, **environment()},
                check=False,
            ).returncode
        return perform(CHECKS if what == "test" else (what,))
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
