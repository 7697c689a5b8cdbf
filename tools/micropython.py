"""Find or fetch MicroPython's unix port, which runs the keypad's firmware in tests.

Debian 12 has no package of it. The one of a newer suite is fetched from the mirror this machine is
configured with, checked by apt, in an apt configuration of its own, and unpacked into
``~/.cache/phone-bench/micropython`` with everything it is linked against, the C library and its
loader too: the newer suite's program does not run on an older C library. Nothing is installed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pjsua2_from_source import BuildError, configured_mirrors, private_apt, run

__all__ = ["MissingError", "found", "obtain"]

#: Suites that carry MicroPython, the stabler first.
SUITES = ("trixie", "forky", "sid")
#: What the firmware's modules need; a build that prints it will do.
PROBE = "import sys, select, time; print(sys.implementation[0], len(f'{time.ticks_ms()}') > 0)"
CACHE = Path(os.environ.get("PHONE_BENCH_CACHE", Path.home() / ".cache" / "phone-bench"))


class MissingError(Exception):
    """There is no MicroPython and none can be had; the text says why."""


def runs(program: Path) -> bool:
    """Tell whether a program is a MicroPython that runs here."""
    try:
        done = subprocess.run(
            [program, "-c", PROBE], capture_output=True, text=True, check=False, timeout=20
        )
    except OSError:
        return False
    return done.stdout.strip() == "micropython True"


def found(cache: Path = CACHE) -> Path:
    """Return the program, of this machine or from the cache.

    Raises:
        MissingError: it is not there.
    """
    installed = shutil.which("micropython")
    if installed is not None and runs(Path(installed)):
        return Path(installed)
    kept = _home(cache) / "micropython"
    if kept.exists() and runs(kept):
        return kept
    raise MissingError(f"no MicroPython that runs, in PATH or {kept}: make install")


def obtain(cache: Path = CACHE) -> Path:
    """Return the program; fetch it first when it is not there.

    Raises:
        MissingError: no suite of no mirror has one that runs here.
    """
    try:
        return found(cache)
    except MissingError:
        pass
    home = _home(cache)
    home.mkdir(parents=True, exist_ok=True)
    tried: list[str] = []
    try:
        mirrors = configured_mirrors()
    except BuildError as error:
        raise MissingError(f"no Debian mirror to fetch MicroPython from: {error}") from error
    for mirror in mirrors:
        for suite in SUITES:
            try:
                program = _fetch(home, mirror, suite)
            except BuildError as error:
                tried.append(f"{suite}: {str(error).splitlines()[-1].strip()}")
                continue
            if runs(program):
                return program
            tried.append(f"{suite}: unpacked, but it does not run")
    raise MissingError("no MicroPython to be had:\n  " + "\n  ".join(tried))


def _home(cache: Path) -> Path:
    return cache / "micropython" / platform.machine()


def _fetch(home: Path, mirror: str, suite: str) -> Path:
    log = home / "fetch.log"
    with tempfile.TemporaryDirectory(prefix="micropython-") as name:
        folder = Path(name)
        # Nothing counts as installed, so that all it needs comes from the one suite.
        nothing = ["-o", "Dir::State::status=/dev/null"]
        options = [*private_apt(folder / "apt", mirror, suite, kind="deb"), *nothing]
        run(["apt-get", *options, "update"], log=log)
        packages = _needed(options)
        if not packages:
            raise BuildError("there is no micropython in it")
        debs = folder / "debs"
        debs.mkdir()
        run(["apt-get", *options, "download", *packages], cwd=debs, log=log)
        root = home / "root"
        shutil.rmtree(root, ignore_errors=True)
        for deb in sorted(debs.glob("*.deb")):
            run(["dpkg-deb", "-x", deb, root], log=log)
    return _wrapper(home, root)


def _needed(options: Sequence[str]) -> list[str]:
    """Return MicroPython's package and all that it depends on."""
    planned = subprocess.run(
        ["apt-get", *options, "install", "-s", "--no-install-recommends", "micropython"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [line.split()[1] for line in planned.stdout.splitlines() if line.startswith("Inst ")]


def _wrapper(home: Path, root: Path) -> Path:
    """Write the program that starts MicroPython with the loader and libraries it came with."""
    loaders = sorted(root.glob("usr/lib*/**/ld-linux*.so.*")) or sorted(root.glob("lib*/ld-linux*"))
    libraries = sorted({path.parent for path in root.glob("**/libc.so.6")})
    if not loaders or not libraries:
        raise BuildError("its packages have no loader or C library")
    program = home / "micropython"
    folders = ":".join(map(str, libraries))
    program.write_text(
        f'#!/bin/sh\nexec "{loaders[0]}" --library-path "{folders}" "{root}/usr/bin/micropython" '
        '"$@"\n'
    )
    program.chmod(0o755)
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Find or fetch it; print its path on standard output."""
    parser = argparse.ArgumentParser(description="Find or fetch MicroPython's unix port.")
    parser.add_argument("--cache", type=Path, default=CACHE)
    chosen = parser.parse_args(arguments)
    try:
        program = obtain(chosen.cache)
    except MissingError as error:
        sys.stderr.write(f"micropython: {error}\n")
        return 3
    sys.stdout.write(f"{program}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
