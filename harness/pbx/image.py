"""Build the Asterisk image from Debian packages, with the mirror this machine already uses."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BenchFault, UsageFault
from harness.pbx.runtime import ContainerRuntime, container_programs

__all__ = ["AptSource", "build_image", "debian_mirror", "read_apt_sources"]

_APT = Path("/etc/apt")
_BUILD_SECONDS = 1800.0
_IMPORT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Recipe:
    suite: str
    apt_options: tuple[str, ...] = ()


#: Debian 12 and 13 carry no Asterisk: forky has 22 (chan_pjsip only), bullseye has 16, the last
#: with chan_sip. forky's Release file may be past its date, which apt would refuse.
_RECIPES = {
    22: _Recipe("forky", ('--aptopt=Acquire::Check-Valid-Until "false"',)),
    16: _Recipe("bullseye"),
}


@dataclass(frozen=True, slots=True)
class AptSource:
    """One place apt takes binary packages from."""

    uri: str
    suite: str
    components: tuple[str, ...]


def build_image(
    name: str,
    cache_dir: Path,
    *,
    version: int = 22,
    mirror: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """Make sure the image ``name`` exists and runs; return how it will be run.

    At once when it is there already. Else its root file system is built (half a minute, 340 MB)
    and kept in ``cache_dir``, so that a lost image is only imported again.

    Args:
        name: the image's name and tag, as ``pbx.image`` in lab.yaml.
        cache_dir: a directory outside the checkout.
        version: Asterisk 22 (chan_pjsip) or 16 (chan_sip too).
        mirror: a Debian mirror; without one, that of this machine's apt sources.
        say: told each step that takes long.

    Raises:
        UsageFault: an unknown version, or no Debian mirror to be found.
        BenchFault: no container runtime, a tool is missing, or a step failed.
    """
    if version not in _RECIPES:
        raise UsageFault(f"no recipe for Asterisk {version}", hint="choose from: 22, 16")
    runtimes = [ContainerRuntime(program) for program in container_programs()]
    usable = [runtime for runtime in runtimes if not runtime.answers()]
    if not usable:
        raise BenchFault(
            "no container runtime answers on this machine",
            device="pbx",
            state="; ".join(f"{runtime.program}: {runtime.answers()}" for runtime in runtimes),
            hint="start the docker service, or: apt-get install podman runc",
        )
    runtime = usable[0]
    if not runtime.has_image(name):
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _only_one(cache_dir / f"asterisk-{version}.lock"):
            # Another run may have built it while this one waited.
            if not runtime.has_image(name):
                tarball = _root_filesystem(_RECIPES[version], version, cache_dir, mirror, say)
                say(f"importing {tarball.name} as {name}")
                _import(runtime, tarball, name)
    return ContainerRuntime.probe(name).description


def _root_filesystem(
    recipe: _Recipe, version: int, cache_dir: Path, mirror: str, say: Callable[[str], None]
) -> Path:
    tarball = cache_dir / f"asterisk-{version}-{recipe.suite}-{platform.machine()}.tar"
    if tarball.exists():
        return tarball
    if shutil.which("mmdebstrap") is None:
        raise BenchFault(
            "mmdebstrap is not installed, so the Asterisk image cannot be built",
            device="pbx",
            hint="apt-get install mmdebstrap, or name your own image as pbx.image in lab.yaml",
        )
    mirror = mirror or debian_mirror()
    say(f"building Asterisk {version} from Debian {recipe.suite} (half a minute, 340 MB)")
    # Its suffix tells mmdebstrap the format; only the finished one gets the name looked for.
    unfinished = tarball.with_name(f"unfinished-{tarball.name}")
    log = tarball.with_suffix(".log")
    command = _bootstrap_command(recipe, unfinished, mirror)
    with log.open("w", encoding="utf-8") as output:
        try:
            code = subprocess.run(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=_BUILD_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    if code != 0:
        unfinished.unlink(missing_ok=True)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if line.startswith("E: ")] or lines[-1:]
        raise BenchFault(
            f"building the Asterisk image from Debian {recipe.suite} failed",
            device="pbx",
            state=" | ".join(errors[:3]) or "no message",
            expected=f"mmdebstrap to succeed within {_BUILD_SECONDS / 60:.0f} min",
            hint=f"read {log}; does apt-get update work on this machine?",
        )
    os.replace(unfinished, tarball)  # noqa: PTH105
    return tarball


def _bootstrap_command(recipe: _Recipe, target: Path, mirror: str) -> list[str]:
    return [
        "mmdebstrap", "--variant=apt", *recipe.apt_options,
        "--include=asterisk,asterisk-core-sounds-en-gsm,ca-certificates",
        recipe.suite, str(target), mirror,
    ]  # fmt: skip


def _import(runtime: ContainerRuntime, tarball: Path, name: str) -> None:
    result = runtime.call("import", str(tarball), name, timeout=_IMPORT_SECONDS)
    if result.returncode != 0:
        raise BenchFault(
            f"{runtime.program} did not import {tarball}",
            device="pbx",
            state=result.stderr.strip()[-300:],
            hint="a damaged file? remove it and build again; else look for a full disk: df -h",
        )


def debian_mirror(apt: Path = _APT, os_release: Path = Path("/etc/os-release")) -> str:
    """Return the Debian mirror this machine's apt is configured with.

    Raises:
        UsageFault: there is none: not Debian, or no enabled source of its main component.
    """
    release = dict(
        line.split("=", 1)
        for line in os_release.read_text(encoding="utf-8").splitlines()
        if "=" in line
    )
    codename = release.get("VERSION_CODENAME", "").strip('"')
    # Third parties use the code name too (with components of their own), and the security
    # archive carries no full suite; neither matches both conditions.
    for source in read_apt_sources(apt):
        if source.suite == codename and "main" in source.components:
            return _resolved(source.uri)
    raise UsageFault(
        f"no Debian mirror in {apt}: no enabled source of {codename or 'this system'} with main",
        hint="name an image of your own as pbx.image in lab.yaml",
    )


def read_apt_sources(apt: Path = _APT) -> list[AptSource]:
    """Read apt's binary sources: one-line ``.list`` and deb822 ``.sources`` (sources.list(5))."""
    found: list[AptSource] = []
    listed = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    for path in listed:
        if path.exists():
            found += _one_line_sources(path.read_text(encoding="utf-8"))
    for path in sorted((apt / "sources.list.d").glob("*.sources")):
        found += _deb822_sources(path.read_text(encoding="utf-8"))
    return found


def _one_line_sources(text: str) -> Iterator[AptSource]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] != "deb":
            continue
        rest = words[1:]
        if rest and rest[0].startswith("["):
            # Options may hold spaces: [ arch=amd64 signed-by=... ].
            while rest and not rest[0].endswith("]"):
                rest = rest[1:]
            rest = rest[1:]
        if len(rest) >= 2:
            yield AptSource(rest[0], rest[1], tuple(rest[2:]))


def _deb822_sources(text: str) -> Iterator[AptSource]:
    stanza: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            yield from _stanza_sources(stanza)
            stanza = {}
        elif line[0].isspace():
            stanza[last] += " " + line.strip()
        else:
            key, _, value = line.partition(":")
            last = key.strip().lower()
            stanza[last] = value.strip()


def _stanza_sources(stanza: dict[str, str]) -> Iterator[AptSource]:
    disabled = stanza.get("enabled", "yes").lower() in {"no", "false", "without", "off", "disable"}
    if disabled or "deb" not in stanza.get("types", "").split():
        return
    components = tuple(stanza.get("components", "").split())
    for uri in stanza.get("uris", "").split():
        for suite in stanza.get("suites", "").split():
            yield AptSource(uri, suite, components)


def _resolved(uri: str) -> str:
    """Follow ``mirror+file:/path``, as cloud images have it, to the first mirror listed there."""
    if not uri.startswith("mirror+file:"):
        return uri
    listed = Path("/" + uri.removeprefix("mirror+file:").lstrip("/"))
    if listed.exists():
        for line in listed.read_text(encoding="utf-8").splitlines():
            words = line.partition("#")[0].split()
            if words:
                return words[0]
    return uri


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Let one process build at a time; the kernel frees the lock when a builder dies."""
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
