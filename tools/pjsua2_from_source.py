"""Build pjsua2 from pjproject's source and keep the wheel: ``python tools/pjsua2_from_source.py``.

The default, ``pjsua2-python`` from PyPI, needs no compiler but has no Opus and an old OpenSSL
(docs/decisions/0006-pjsua2-from-pypi.md). This builds from the pjproject source that Debian ships
with Asterisk: found through the source index of the mirror this machine is configured with, its
signature and checksum verified by apt, in an apt configuration of its own. The wheel is kept in
``~/.cache/phone-bench/pjsua2``, by source version, Python and platform. It takes 2 to 4 minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    "build-essential",
    "swig",
    "libssl-dev",
    "uuid-dev",
    "libopus-dev",
    "libgsm1-dev",
    "libspeex-dev",
    "libspeexdsp-dev",
    "libsrtp2-dev",
    "libsamplerate0-dev",
)
CONFIGURE = (
    "--disable-video",
    "--disable-sound",
    "--disable-libwebrtc",
    "--disable-libyuv",
    "--disable-ilbc-codec",
    "--disable-g7221-codec",
    "--with-external-gsm",
    "--with-external-speex",
    "--with-external-srtp",
    "--enable-libsamplerate",
)
#: Suites that carry Asterisk 22, and with it the pjproject source, the stabler first.
SUITES = ("forky", "sid")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class BuildError(Exception):
    """Something a person must mend; the text says what and how."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source package, as apt's index names it."""

    uri: str
    name: str
    checksum: str

    @property
    def version(self) -> str:
        """The Asterisk source version it came with."""
        return self.name.removeprefix("asterisk_").partition(".orig-")[0]


def say(text: str) -> None:
    """Tell the person waiting what is going on."""
    sys.stderr.write(f"pjsua2: {text}\n")


def run(command: Sequence[str | Path], *, cwd: Path | None = None, log: Path) -> None:
    """Run a step of the build with its output in ``log``.

    Raises:
        BuildError: it failed; the end of its output is in the text.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    flags = {"CFLAGS": "-O2 -fPIC", "CXXFLAGS": "-O2 -fPIC"}
    with log.open("ab") as output:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **flags, "PATH": path},
            check=False,
        )
    if done.returncode:
        end = "\n  ".join(log.read_text(errors="replace").splitlines()[-12:])
        raise BuildError(f"{' '.join(map(str, command))} failed; the end of {log}:\n  {end}")


def mirrors(texts: Iterable[str]) -> Iterator[str]:
    """Give the Debian archive URIs in apt source files, of either format, in their order.

    Security and third-party archives do not carry other suites and are left out.
    """
    for text in texts:
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        for line in lines:
            old = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+.*\bmain\b", line)
            if old and "security" not in old[2]:
                yield old[1]
        for stanza in "\n".join(lines).split("\n\n"):
            fields = dict(re.findall(r"(?m)^([\w-]+):[ \t]*(.*)$", stanza))
            if (
                "deb" in fields.get("Types", "").split()
                and "main" in fields.get("Components", "").split()
                and "security" not in fields.get("Suites", "")
            ):
                yield from fields.get("URIs", "").split()


def configured_mirrors() -> list[str]:
    """Return the mirrors of this machine that may be Debian's.

    Raises:
        BuildError: there is none.
    """
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    texts = [f.read_text() for f in files if f.suffix in {".list", ".sources"} and f.is_file()]
    found = [uri for uri in dict.fromkeys(mirrors(texts)) if "debian" in uri]
    if not found:
        raise BuildError(
            "no Debian mirror in /etc/apt: is this Debian? Build by hand, see pjproject"
        )
    return found


def find_source(home: Path, log: Path) -> tuple[SourceFile, list[str]]:
    """Find pjproject's source in the index; return it with the apt options that reach it.

    Raises:
        BuildError: no suite of no mirror has it.
    """
    tried: list[str] = []
    for mirror in configured_mirrors():
        for suite in SUITES:
            options = private_apt(home / f"apt-{suite}", mirror, suite)
            try:
                run(["apt-get", *options, "update"], log=log)
            except BuildError as error:
                tried.append(f"{suite}: {str(error).splitlines()[-1].strip()}")
                continue
            listed = subprocess.run(
                ["apt-get", *options, "source", "--print-uris", "--download-only", "asterisk"],
                capture_output=True,
                text=True,
                check=False,
            )
            for found in parse_uris(listed.stdout):
                if re.search(r"\.orig-X?pjproject\.tar\.\w+$", found.name):
                    return found, options
            tried.append(f"{suite}: asterisk there has no pjproject component")
    raise BuildError("no pjproject source found:\n  " + "\n  ".join(tried))


def parse_uris(listing: str) -> Iterator[SourceFile]:
    """Give the files in the output of ``apt-get source --print-uris``."""
    for line in listing.splitlines():
        match = re.match(r"'([^']+)' (\S+) \d+ (\w+:[0-9a-f]+)$", line)
        if match:
            yield SourceFile(*match.groups())


def private_apt(home: Path, mirror: str, suite: str, kind: str = "deb-src") -> list[str]:
    """Return options that make apt read one suite only and keep its state in ``home``."""
    lists, cache = home / "lists", home / "cache"
    for folder in (lists / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    sources = home / "one.sources"
    sources.write_text(
        f"Types: {kind}\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n"
    )
    settings = {
        "Dir::Etc::sourcelist": str(sources),
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": str(lists),
        "Dir::Cache": str(cache),
        "APT::Sandbox::User": "",
        # A mirror that was frozen serves a Release file past its date.
        "Acquire::Check-Valid-Until": "false",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def missing_packages() -> list[str]:
    """Return which of the build's Debian packages are not installed."""
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"],
        capture_output=True,
        text=True,
        check=False,
    )
    there = {line.split()[0] for line in listed.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in PACKAGES if name not in there]


def install_packages(log: Path) -> None:
    """Install what the build needs.

    Raises:
        BuildError: something is missing and this is not root.
    """
    missing = missing_packages()
    if not missing:
        return
    if os.geteuid() != 0:
        raise BuildError(f"missing packages; first: sudo apt-get install {' '.join(missing)}")
    say(f"installing {' '.join(missing)}")
    run(["apt-get", "update"], log=log)
    run(["apt-get", "install", "-y", "--no-install-recommends", *missing], log=log)


def fetch(source: SourceFile, options: Sequence[str], folder: Path, log: Path) -> Path:
    """Download the source and check it against the signed index.

    Raises:
        BuildError: the download failed or is not what the index says.
    """
    target = folder / source.name
    if not target.exists():
        helper = "/usr/lib/apt/apt-helper"
        run([helper, *options, "download-file", source.uri, target, source.checksum], log=log)
    kind, _, expected = source.checksum.partition(":")
    actual = hashlib.new(kind.lower().removesuffix("sum"), target.read_bytes()).hexdigest()
    if actual != expected:
        target.unlink()
        raise BuildError(f"{source.name} is not what the index says; run again to fetch it anew")
    return target


def build(tarball: Path, wheels: Path, jobs: int, log: Path) -> Path:
    """Build the wheel from the source and return where it is kept.

    Raises:
        BuildError: a step failed.
    """
    with tempfile.TemporaryDirectory(prefix="pjsua2-") as temporary:
        # By tar itself: Debian 12's Python has no safe extraction of its own yet.
        run(["tar", "-xf", tarball, "-C", temporary], log=log)
        tree = next(Path(temporary).iterdir())
        # Debian leaves this file out (its licence); the build only wants it to be there.
        (tree / "pjmedia/src/pjmedia-audiodev/bdimad_dev.c").touch()
        say(f"configuring pjproject {pjproject_version(tree)}")
        run(["./configure", *CONFIGURE], cwd=tree, log=log)
        say("compiling the libraries")
        run(["make", "dep"], cwd=tree, log=log)
        run(["make", f"-j{jobs}", "lib"], cwd=tree, log=log)
        say("compiling the Python binding")
        run([sys.executable, "-m", "pip", "install", "setuptools", "wheel"], log=log)
        binding = tree / "pjsip-apps/src/swig/python"
        run(["make", "USE_PYTHON3=1", "wheel"], cwd=binding, log=log)
        built = sorted(binding.glob("dist/*.whl"))
        if not built:
            raise BuildError(f"the build left no wheel in {binding / 'dist'}; read {log}")
        wheels.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy2(built[0], wheels / built[0].name))


def pjproject_version(tree: Path) -> str:
    """Return the version in pjproject's ``version.mak``, e.g. ``2.17``."""
    text = (tree / "version.mak").read_text()
    parts = [re.search(rf"PJ_VERSION_{p}\s*:=\s*(\w*)", text) for p in ("MAJOR", "MINOR", "REV")]
    return ".".join(part[1] for part in parts if part and part[1])


def cached_wheel(cache: Path, tag: str) -> Path | None:
    """Return the newest wheel kept for this Python and platform."""
    found = sorted(cache.glob(f"*/{tag}/*.whl"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def platform_tag() -> str:
    """Name this Python and platform, e.g. ``cp311-linux_x86_64``."""
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"cp{version}-{platform}"


def obtain(cache: Path, jobs: int, *, refresh: bool) -> Path:
    """Return the wheel, from the cache when it is there.

    Raises:
        BuildError: it cannot be built here.
    """
    tag = platform_tag()
    if not refresh and (kept := cached_wheel(cache, tag)):
        say(f"from the cache: {kept}")
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    log = cache / "build.log"
    log.write_bytes(b"")
    install_packages(log)
    say("looking for pjproject in the source index")
    source, options = find_source(cache, log)
    tarball = fetch(source, options, cache, log)
    wheel = build(tarball, cache / source.version / tag, jobs, log)
    say(f"built: {wheel}")
    return wheel


def install(wheel: Path, log: Path) -> None:
    """Put the wheel into this virtual environment in place of the one from PyPI.

    Raises:
        BuildError: pip refused.
    """
    # Both wheels hold a module named pjsua2; whichever comes last would half overwrite the other.
    run([sys.executable, "-m", "pip", "uninstall", "-y", "pjsua2-python", "pjsua2"], log=log)
    run([sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", wheel], log=log)
    say(f"installed in {sys.prefix}; back: pip uninstall pjsua2; pip install pjsua2-python")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build or find the wheel; print its path on standard output."""
    parser = argparse.ArgumentParser(
        description="Build pjsua2 (with Opus and today's OpenSSL) from pjproject's source."
    )
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser.add_argument("--cache", type=Path, default=home / "phone-bench" / "pjsua2")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--refresh", action="store_true", help="build even if one is kept")
    parser.add_argument("--install", action="store_true", help="pip install it into this Python")
    chosen = parser.parse_args(arguments)
    try:
        wheel = obtain(chosen.cache, chosen.jobs, refresh=chosen.refresh)
        if chosen.install:
            install(wheel, chosen.cache / "build.log")
    except BuildError as error:
        say(str(error))
        return 3
    sys.stdout.write(f"{wheel}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
