"""Find a way to run containers on this machine, by really running one.

podman's default OCI runtime fails on nested or hybrid-cgroup hosts where ``runc`` with lowered
limits works, so neither version numbers nor presence on PATH decide, only a probe.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BenchFault

__all__ = ["ContainerRuntime"]

_LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
_PROBE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ContainerRuntime:
    """One working way to run containers: the program, its global and its run options."""

    program: str
    global_options: tuple[str, ...]
    run_options: tuple[str, ...]
    probed: str = ""

    @property
    def description(self) -> str:
        """What was chosen, for people and reports."""
        return " ".join((self.program, *self.global_options)) + (
            f" ({self.probed})" if self.probed else ""
        )

    @classmethod
    def probe(cls, image: str) -> ContainerRuntime:
        """Return the first runtime that really runs ``asterisk -V`` in ``image``.

        Raises:
            BenchFault: no podman or docker, no such image, or nothing that starts.
        """
        programs = [name for name in ("podman", "docker") if shutil.which(name)]
        if not programs:
            raise BenchFault(
                "no container runtime on this machine",
                device="pbx",
                expected="podman or docker on PATH",
                hint="make nightly installs podman; or: apt-get install podman runc",
            )
        failures: list[str] = []
        for program in programs:
            candidates = [cls(program, (), ())]
            if program == "podman" and shutil.which("runc"):
                candidates.append(cls(program, ("--runtime", "runc"), _LIMITS))
            else:
                candidates.append(cls(program, (), _LIMITS))
            if not candidates[0].has_image(image):
                failures.append(f"{program}: no image {image}")
                continue
            for candidate in candidates:
                result = candidate.call(
                    "run",
                    "--rm",
                    "--network",
                    "none",
                    *candidate.run_options,
                    image,
                    "asterisk",
                    "-V",
                    timeout=_PROBE_SECONDS,
                )
                if result.returncode == 0 and result.stdout.startswith("Asterisk"):
                    return cls(
                        candidate.program,
                        candidate.global_options,
                        candidate.run_options,
                        result.stdout.strip(),
                    )
                failures.append(f"{candidate.description}: {_last_line(result.stderr)}")
        missing = all("no image" in failure for failure in failures)
        raise BenchFault(
            f"no way to run {image}: {'; '.join(failures)}",
            device="pbx",
            expected="'asterisk -V' to answer inside the image",
            hint="build it: make image" if missing else "try it by hand with the command above",
        )

    def has_image(self, image: str) -> bool:
        """Whether the image is on this machine; nothing is ever pulled."""
        return self.call("image", "inspect", image).returncode == 0

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
                hint="look for a stuck container runtime: podman ps -a",
            ) from error

    def start_command(self, name: str, image: str, config: Path) -> list[str]:
        """Return the arguments that start Asterisk in the foreground with ``config`` mounted."""
        tmpfs = [
            option
            for path in (
                "/run/asterisk",
                "/var/log/asterisk",
                "/var/lib/asterisk",
                "/var/spool/asterisk",
                "/var/cache/asterisk",
            )
            for option in ("--tmpfs", path)
        ]
        return [
            self.program, *self.global_options, "run", "--rm", "--name", name,
            "--network", "host", "--read-only", *tmpfs, *self.run_options,
            "-v", f"{config}:/etc/asterisk:ro", image, "asterisk", "-f", "-n", "-T", "-vvv",
        ]  # fmt: skip


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
