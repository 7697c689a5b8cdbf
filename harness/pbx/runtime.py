"""Find a way to run containers on this machine, by really running one.

podman's default OCI runtime fails on nested or hybrid-cgroup hosts where ``runc`` with lowered
limits works, so neither version numbers nor presence on PATH decide, only a probe. All that
differs between podman and docker stands in :func:`_candidates`; every other command line here
means the same to both.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from harness.errors import BenchFault
from harness.owners import OWNED_PREFIX, owner_is_gone

__all__ = ["ContainerRuntime", "container_programs"]

#: The kernel keeps signals from a container's first process, and Asterisk has children that
#: somebody must reap: so a shell is first, hands on the wish to end and ends as Asterisk ended.
_FIRST_PROCESS = """\
asterisk -f -n -T -g -vvv & child=$!
trap 'kill -TERM $child' TERM INT
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
exit $code
"""
#: Where a core file goes when kernel.core_pattern is a plain name: the working directory.
_CORES = "/cores"
_LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
_PROBE_SECONDS = 60.0
#: What Asterisk writes to; all else of its file system is read-only.
_STATE = (
    "/run/asterisk", "/var/log/asterisk", "/var/lib/asterisk", "/var/spool/asterisk",
    "/var/cache/asterisk",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ContainerRuntime:
    """One working way to run containers: the program, its global and its run options."""

    program: str
    global_options: tuple[str, ...] = ()
    run_options: tuple[str, ...] = ()
    probed: str = ""

    @property
    def description(self) -> str:
        """What was chosen, for people and reports."""
        words = " ".join((self.program, *self.global_options, *self.run_options))
        return f"{words} ({self.probed})" if self.probed else words

    @classmethod
    def probe(cls, image: str) -> ContainerRuntime:
        """Return the first runtime that really runs ``asterisk -V`` in ``image``.

        A success is remembered for the life of the process.

        Raises:
            BenchFault: no podman or docker, no such image, or nothing that starts.
        """
        return _probe(image)

    def has_image(self, image: str) -> bool:
        """Whether the image is on this machine; nothing is ever pulled."""
        return self.call("image", "inspect", image).returncode == 0

    def answers(self) -> str:
        """Return why the program cannot be used at all (docker without its daemon), or nothing."""
        result = self.call("ps", "--quiet")
        return "" if result.returncode == 0 else _last_line(result.stderr)

    def call(self, *arguments: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run one command of the runtime and return its result, whatever it is.

        Raises:
            BenchFault: it did not end in ``timeout`` seconds.
        """
        command = [self.program, *self.global_options, *arguments]
        try:
            return subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchFault(
                f"'{' '.join(command[:4])} ...' did not end within {timeout:.0f} s",
                device="pbx",
                hint=f"look for a stuck container runtime: {self.program} ps -a",
            ) from error

    def probe_command(self, image: str) -> list[str]:
        """Return the arguments (without the program) that ask the image for its version."""
        return [
            "run", "--rm", "--pull", "never", "--network", "none", *self.run_options,
            image, "asterisk", "-V",
        ]  # fmt: skip

    def start_command(self, name: str, image: str, config: Path, cores: Path) -> list[str]:
        """Return the command line that starts Asterisk in the foreground on ``config``.

        ``cores`` is the folder for the core file of a crash.
        """
        tmpfs = [option for path in _STATE for option in ("--tmpfs", path)]
        # On hosts with SELinux a bind mount is unreadable without its label switched off.
        return [
            self.program, *self.global_options, "run", "--rm", "--pull", "never", "--name", name,
            "--network", "host", "--read-only", *tmpfs, "--security-opt", "label=disable",
            *self.run_options, "--ulimit", "core=-1:-1", "-v", f"{cores}:{_CORES}", "-w", _CORES,
            "-v", f"{config}:/etc/asterisk:ro", image, "sh", "-c", _FIRST_PROCESS,
        ]  # fmt: skip

    def exec_command(self, name: str, *command: str) -> list[str]:
        """Return the command line of an interactive ``command`` in a running container."""
        options = ["exec", "-i", "-t", "-e", "TERM=dumb", name]
        return [self.program, *self.global_options, *options, *command]

    def remove_orphans(self) -> list[str]:
        """Remove the containers of harness processes that were killed; return their names.

        Such a container would hold the ports of the next run.
        """
        listed = self.call("ps", "-a", "--filter", f"name={OWNED_PREFIX}", "--format", "{{.Names}}")
        orphans = [name for name in listed.stdout.split() if owner_is_gone(name)]
        for name in orphans:
            # "rm -f" alone was seen to return while Asterisk still held its ports.
            self.call("kill", "--signal", "KILL", name)
            self.call("wait", name)
            self.call("rm", "-f", name)
        return orphans


def container_programs() -> list[str]:
    """Return which of podman and docker are on PATH, the preferred one first.

    Raises:
        BenchFault: neither is.
    """
    programs = [name for name in ("podman", "docker") if shutil.which(name)]
    if not programs:
        raise BenchFault(
            "no container runtime on this machine",
            device="pbx",
            expected="podman or docker on PATH",
            hint="make nightly installs podman; or: apt-get install podman runc",
        )
    return programs


def _candidates(program: str) -> list[ContainerRuntime]:
    """All ways to run a container with ``program``, the plain one first."""
    if program == "podman":
        # A global option here; to docker, runc is what it uses anyway.
        options: tuple[str, ...] = ("--runtime", "runc") if shutil.which("runc") else ()
    else:
        options = ()
    return [ContainerRuntime(program), ContainerRuntime(program, options, _LIMITS)]


@cache
def _probe(image: str) -> ContainerRuntime:
    failures: list[str] = []
    missing = False
    for program in container_programs():
        candidates = _candidates(program)
        unusable = candidates[0].answers()
        if unusable:
            failures.append(f"{program}: {unusable}")
            continue
        if not candidates[0].has_image(image):
            missing = True
            failures.append(f"{program}: no image {image}")
            continue
        for candidate in candidates:
            result = candidate.call(*candidate.probe_command(image), timeout=_PROBE_SECONDS)
            if result.returncode == 0 and result.stdout.startswith("Asterisk"):
                return replace(candidate, probed=result.stdout.strip())
            failures.append(f"{candidate.description}: {_last_line(result.stderr)}")
    raise BenchFault(
        f"the image {image} is missing" if missing else f"cannot start {image} in a container",
        device="pbx",
        state="; ".join(failures),
        expected="'asterisk -V' to answer inside the image",
        hint="build it: make image" if missing else "try by hand with the command above",
    )


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
