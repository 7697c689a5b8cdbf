"""A configuration checked by the program it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.errors import BenchFault, UsageFault

__all__ = ["check_configuration"]

_TESTS = {
    "dnsmasq": ("dnsmasq", "--test", "--conf-file={}"),
    "isc": ("dhcpd", "-4", "-t", "-cf", "{}"),
    "kea": ("kea-dhcp4", "-t", "{}"),
}
_PACKAGES = {"dnsmasq": "dnsmasq-base", "isc": "isc-dhcp-server", "kea": "kea-dhcp4-server"}


def check_configuration(text: str, program: str) -> None:
    """Run the program's own configuration test.

    Raises:
        BenchFault: the program is not installed.
        UsageFault: it refuses the configuration; its own words are told.
    """
    name, *arguments = _TESTS[program]
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise BenchFault(
            f"{name} is not installed", device="dhcp", hint=f"apt-get install {_PACKAGES[program]}"
        )
    with tempfile.TemporaryDirectory(prefix="phone-bench-dhcp-") as folder:
        file = Path(folder) / "configuration"
        file.write_text(text, encoding="utf-8")
        command = [found, *(part.format(file) for part in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode:
        # Why is on standard error, with the file's name: around it dhcpd has its banner and how to
        # report bugs; Kea says it once more in a log.
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        why = [line for line in said if str(file) in line] or said
        raise UsageFault(
            f"{name} refuses the configuration: {' '.join(why[:6]).replace(f'{folder}/', '')}",
            hint="compare lab.yaml; an interface must be one of the machine this runs on: "
            "--interface",
        )
