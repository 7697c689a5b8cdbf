"""dnsmasq as a child of the harness: it answers on one interface, and never on another."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from harness.errors import BenchFault, UsageFault
from harness.events import DhcpMessage, Note, PartBack, PartLost
from harness.namespaces import ip
from harness.owners import die_with_parent
from harness.provisioning.dhcp.log import DnsmasqLog
from harness.provisioning.dhcp.plan import DhcpPlan
from harness.provisioning.dhcp.render import render_dhcp
from harness.timeline import Observer

__all__ = ["DhcpServer"]

_READY = "DHCP, sockets bound exclusively to interface"
_START_SECONDS = 5.0
#: A message is written line by line in one go: silence this long (seconds) means it is whole.
_WHOLE = 0.05


class DhcpServer:
    """The bench's DHCP server.

    Args:
        plan: who gets what; its interface is the only one answered on.
        workdir: gets ``dnsmasq.conf``, ``dnsmasq.leases`` and ``dnsmasq.log``.
        observe: writes every message, as both sides said it.
        device_of: device names by MAC, twelve upper-case digits.
    """

    def __init__(
        self, plan: DhcpPlan, workdir: Path, observe: Observer, device_of: Mapping[str, str]
    ) -> None:
        self._plan = plan
        self._workdir = workdir
        self._observe = observe
        self._device_of = dict(device_of)
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = False
        self._reader: threading.Thread | None = None
        self._ready = threading.Event()
        self._last_words: list[str] = []
        self._gone = ""

    name = "dhcp"

    @property
    def gone(self) -> str:
        """Why it answers no more; empty while it does."""
        return self._gone

    def mend(self) -> None:
        """Start it again after it ended by itself.

        Raises:
            BenchFault: as from :meth:`start`.
        """
        self.stop()
        self.start()
        self._observe(PartBack(self.name))

    @property
    def plan(self) -> DhcpPlan:
        """What it hands out."""
        return self._plan

    def start(self) -> None:
        """Start dnsmasq; returns when it listens.

        Raises:
            UsageFault: the interface is this machine's own way out.
            BenchFault: no such interface, the host's address is not on it, dnsmasq is missing, or
                it refuses; in its words.
        """
        interface = self._plan.interface
        _check(interface, self._plan)
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        program = shutil.which("dnsmasq", path=path)
        if program is None:
            raise self._fault("dnsmasq is not installed", "apt-get install dnsmasq-base")
        self._workdir.mkdir(parents=True, exist_ok=True)
        configuration = self._workdir / "dnsmasq.conf"
        configuration.write_text(render_dhcp(self._plan, "dnsmasq"), encoding="utf-8")
        # Leases of an earlier run would keep an address from a phone that has another now.
        leases = self._workdir / "dnsmasq.leases"
        leases.unlink(missing_ok=True)
        self._ready.clear()
        self._answers = False
        self._gone = ""
        self._last_words = []
        process = self._process = subprocess.Popen(
            [
                program,
                "--keep-in-foreground",
                f"--conf-file={configuration}",
                f"--dhcp-leasefile={leases}",
                "--pid-file=",
                # With a user or group of its own it would live on, and answer, when we are killed.
                "--user=root",
                "--group=root",
                "--log-facility=-",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # One system call and nothing else, so the threads of this process do no harm.
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
        self._reader = threading.Thread(
            target=self._read, args=(process,), name="dhcp-log", daemon=True
        )
        self._reader.start()
        # Its log ends a moment before it does: poll alone would take a refusal for a start.
        self._ready.wait(_START_SECONDS)
        if not self._answers or self._process.poll() is not None:
            self.stop()
            raise self._fault(
                "dnsmasq does not answer DHCP",
                "see who holds port 67: ss -lnup; then read dnsmasq.log in the run's folder",
            )

    def stop(self) -> None:
        """End it; harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(2.0)
        if process.stderr is not None:
            process.stderr.close()

    def serve(self, plan: DhcpPlan) -> None:
        """Hand out something else from now on; a phone learns of it when it asks again.

        Raises:
            BenchFault: as from :meth:`start`.
        """
        self.stop()
        self._plan = replace(plan, interface=self._plan.interface)
        self.start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        if process.stderr is None:
            return
        pipe = process.stderr.fileno()
        log, rest = DnsmasqLog(), b""
        with (self._workdir / "dnsmasq.log").open("ab", buffering=0) as kept:
            while True:
                if not select.select([pipe], [], [], _WHOLE)[0]:
                    self._write_down(log.flush())
                    select.select([pipe], [], [])
                content = os.read(pipe, 65536)
                if not content:
                    break
                # It stands still when nobody takes what it says, full disk or not.
                with suppress(OSError):
                    kept.write(content)
                *lines, rest = (rest + content).split(b"\n")
                for raw in lines:
                    line = raw.decode("utf-8", "replace")
                    self._write_down(log.feed(line))
                    self._hear(line)
        self._write_down(log.flush())
        answered = self._answers
        self._ready.set()
        if answered and self._process is process:
            self._see_end(process)

    def _see_end(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._gone = f"dnsmasq ended by itself: {ended}"
        self._observe(PartLost(self.name, self._gone, hint="read dnsmasq.log in the run's folder"))

    def _hear(self, line: str) -> None:
        self._last_words = [*self._last_words[-5:], line]
        if _READY in line:
            self._answers = True
            self._ready.set()
        elif "no address range available" in line or "failed" in line:
            self._observe(Note(text=line))

    def _write_down(self, messages: list[DhcpMessage]) -> None:
        for message in messages:
            self._observe(message, device=self._device_of.get(message.mac, ""))

    def _fault(self, summary: str, hint: str) -> BenchFault:
        return BenchFault(
            summary,
            device="dhcp",
            state=" | ".join(self._last_words[-3:]),
            expected=f"DHCP on {self._plan.interface}, for {self._plan.network}",
            hint=hint,
        )


def _check(interface: str, plan: DhcpPlan) -> None:
    """Refuse an interface where other people's machines could ask us for an address."""
    present = {one["ifname"]: one for one in json.loads(ip("-j", "-4", "address"))}
    names = {one["ifname"] for one in json.loads(ip("-j", "link"))}
    if interface not in names:
        raise BenchFault(
            f"there is no interface {interface}",
            device="dhcp",
            expected=f"one of: {', '.join(sorted(names))}",
            hint="name the phones' interface as network.interface in lab.yaml",
        )
    own = {one["local"] for one in present.get(interface, {}).get("addr_info", ())}
    if str(plan.server) not in own:
        raise BenchFault(
            f"{plan.server} is not an address of {interface}",
            device="dhcp",
            state=", ".join(sorted(own)) or "no address",
            hint=f"ip address add {plan.server}/{plan.network.prefixlen} dev {interface}",
        )
    out = {one.get("dev") for one in json.loads(ip("-j", "-4", "route", "show", "default"))}
    if interface in out:
        raise UsageFault(
            f"{interface} is this machine's way to the rest of the world: "
            "a DHCP server there would answer other people's machines",
            hint="give the phones an interface of their own; or network.dhcp: false, and "
            "'harness dhcp isc|kea|dnsmasq' for the server that is there already",
        )
