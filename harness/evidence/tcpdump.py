"""tcpdump's command line, and what it says when it ends."""

from __future__ import annotations

import subprocess

__all__ = ["dropped", "ending", "last_line", "tcpdump_command"]

#: Bytes kept of a frame. Immediate mode gives every frame a slot in the kernel's buffer, of this
#: size and some 90 bytes more, rounded up to a power of two: the default (256 KiB) leaves 64 slots
#: and loses bursts. No SIP message of a phone is longer than this.
_FRAME_BYTES = 8_000
#: KiB of kernel buffer: 4096 slots. On loopback a frame takes two, as it is seen going out, too:
#: two seconds of a thousand packets a second.
_KERNEL_BUFFER = 32_768


def tcpdump_command(interface: str, filter_expression: str) -> list[str]:
    """Return the command that writes every packet to standard output as it comes."""
    return [
        "tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-s", str(_FRAME_BYTES),
        "-B", str(_KERNEL_BUFFER), "-w", "-", filter_expression,
    ]  # fmt: skip


def ending(process: subprocess.Popen[bytes] | None) -> str:
    """Say how it ended, when it said nothing itself."""
    if process is None:
        return "it was stopped"
    try:
        code = process.wait(1.0)
    except subprocess.TimeoutExpired:
        return "no reason given"
    return f"tcpdump was ended by signal {-code}" if code < 0 else f"exit code {code}"


def last_line(text: str) -> str:
    """Return its last words that are neither a greeting nor a count."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if "listening on" not in line and "packets" not in line]
    return " ".join(lines[-2:]).removeprefix("tcpdump: ")


def dropped(text: str) -> int:
    """Return how many packets the kernel dropped, by its closing lines."""
    for line in text.splitlines():
        number, _, rest = line.strip().partition(" ")
        if rest.startswith("packets dropped by kernel") and number.isdecimal():
            return int(number)
    return 0
