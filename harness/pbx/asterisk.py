"""One Asterisk in a container, from configuration to events on the timeline."""

from __future__ import annotations

import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.errors import BenchFault, UsageFault
from harness.events import Event, PbxStarted, PbxStopped
from harness.lab import PbxKind, PbxSpec
from harness.owners import owned_name
from harness.pbx.ami import AmiClient, AmiMessage
from harness.pbx.chan_pjsip import ChanPjsip
from harness.pbx.chan_sip import ChanSip
from harness.pbx.channel_driver import ChannelDriver, Contact
from harness.pbx.channels import wait_no_channels
from harness.pbx.console import Console
from harness.pbx.container_log import ContainerLog
from harness.pbx.crash import Crash, ending, keep_crash, keep_older
from harness.pbx.joining import join_calls
from harness.pbx.render import Endpoint, render_configuration
from harness.pbx.runtime import ContainerRuntime
from harness.pbx.users import Users
from harness.pbx.witness import Witness
from harness.timeline import Observer

__all__ = ["Asterisk"]

#: Asterisk takes one or two; podman was seen to take eighteen before, on a disk that was busy.
_START_SECONDS = 60.0
_STOP_SECONDS = 2
_AMI_USER = "harness"
_LOST_SECONDS = 2.0
_DRIVERS: dict[PbxKind, type[ChannelDriver]] = {"asterisk16": ChanSip, "asterisk22": ChanPjsip}


class Asterisk:
    """The PBX of a run.

    Args:
        spec: the lab's ``pbx`` entry.
        endpoints: every user it serves.
        observe: writes its events.
        workdir: gets ``etc/`` (the configuration), ``asterisk.log`` and, after a crash, ``cores/``.
        runtime: how to run containers; without one, found by a probe at the start.
        device_of: the lab's device name for an extension, to say whom an event is about.
        amend: changes the configuration folder after each rendering, as an administrator would.
    """

    def __init__(
        self,
        spec: PbxSpec,
        endpoints: Sequence[Endpoint],
        observe: Observer,
        workdir: Path,
        runtime: ContainerRuntime | None = None,
        device_of: Mapping[str, str] | None = None,
        amend: Callable[[Path], None] = lambda _: None,
    ) -> None:
        self._spec = spec
        self._amend = amend
        #: What differs between chan_pjsip and chan_sip.
        self.driver: ChannelDriver = _DRIVERS[spec.kind]()
        self._users = Users(endpoints, self.driver, self._write)
        self._observe = observe
        self._workdir = workdir
        #: The folder of its configuration files.
        self.configuration = workdir / "etc"
        self._cores = workdir / "cores"
        #: Everything the container said.
        self.log = workdir / "asterisk.log"
        self._witness = Witness(device_of or {})
        self._runtime = runtime
        self._name = ""
        self._secret = secrets.token_urlsafe(16)
        self._ami: AmiClient | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._output: ContainerLog | None = None
        self._booted = threading.Event()
        self._state = threading.Lock()
        self._running = False
        self._lost = ""
        self._gone = threading.Event()

    @property
    def version(self) -> str:
        """Asterisk's version, as the probe saw it; empty before the start."""
        return self._runtime.probed if self._runtime else ""

    @property
    def runtime_name(self) -> str:
        """The container runtime in use."""
        return self._runtime.description if self._runtime else ""

    @property
    def running(self) -> bool:
        """Whether it is up; false at once when it crashed."""
        return self._running

    @property
    def secrets(self) -> set[str]:
        """The manager's secret and every endpoint's password, for redaction."""
        return {self._secret, *(endpoint.password for endpoint in self._users.endpoints)}

    def start(self) -> None:
        """Start the container and wait until Asterisk says it is fully booted.

        Raises:
            BenchFault: no runtime or image, a port is taken, or the configuration is refused;
                with the last lines of the log.
        """
        started = time.monotonic()
        self._runtime = self._runtime or ContainerRuntime.probe(self._spec.image_name)
        self._check_version(self._runtime)
        self._runtime.remove_orphans()
        self._booted.clear()
        self._lost = ""
        self._gone.clear()
        self._name = owned_name(kind="container")
        self._write(self._users.endpoints)
        self._cores.mkdir(exist_ok=True)
        keep_older(self.log)
        # A session of its own: Ctrl-C must reach the harness, which stops Asterisk in good order.
        self._process = subprocess.Popen(
            self._runtime.start_command(
                self._name,
                self._spec.image_name,
                self.configuration.resolve(),
                self._cores.resolve(),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        if self._process.stdout is None:  # pragma: no cover - asked for above
            raise BenchFault("the container has no output", device="pbx")
        self._output = ContainerLog(self._process.stdout, self.log, self._on_line, self._on_end)
        try:
            self._boot(self._output, started + _START_SECONDS)
        except BaseException:
            self.stop()
            raise
        with self._state:
            self._running = True
        self._observe(PbxStarted(version=self.version, runtime=self._runtime.description))
        if self._output.ended:
            self._on_gone("the container ended right after the start")

    def _boot(self, output: ContainerLog, deadline: float) -> None:
        if not output.wait_ready(deadline - time.monotonic()):
            what = "the container ended" if output.ended else "it never said it was ready"
            raise self._start_fault(what)
        where = f"{self._spec.address}:{self._spec.ami_port}"
        # Asterisk runs on without its manager; whoever else holds the port must not be spoken to.
        if output.says(f"Unable to bind AMI server to {where}"):
            raise self._start_fault(f"manager port {where} is taken", port_taken=True)
        try:
            self._ami = AmiClient(
                str(self._spec.address), self._spec.ami_port, self._on_event, self._on_lost
            )
            self._ami.login(_AMI_USER, self._secret)
        except BenchFault as fault:
            raise self._start_fault(fault.summary, port_taken=True) from fault
        if not self._booted.wait(max(0.0, deadline - time.monotonic())):
            raise self._start_fault("it never said FullyBooted")
        # Neither of these stops Asterisk: it runs on without the transport or the endpoint.
        for protocol in self.driver.unbound(self._ami, output.says):
            where = f"{self._spec.address}:{self._spec.sip_port}"
            raise self._start_fault(f"SIP port {where}/{protocol} is taken", port_taken=True)
        missing = sorted(self._users.names - self.driver.users(self._ami))
        if missing:
            file = self.driver.endpoint_file
            raise self._start_fault(f"{file} was refused for {', '.join(missing)}")
        self.driver.listen_closely(self._ami)

    def _check_version(self, runtime: ContainerRuntime) -> None:
        if runtime.probed and not runtime.probed.startswith(f"Asterisk {self._spec.version}."):
            raise UsageFault(
                f"the image {self._spec.image_name} holds {runtime.probed}",
                device="pbx",
                expected=f"pbx.kind {self._spec.kind} means Asterisk {self._spec.version}",
                hint="set pbx.kind and pbx.image in lab.yaml to the same version",
            )

    def _start_fault(self, what: str, *, port_taken: bool = False) -> BenchFault:
        lines = self._telling()
        return BenchFault(
            f"Asterisk did not start: {what}",
            device="pbx",
            state=" | ".join(lines) or "no log",
            expected=f"FullyBooted within {_START_SECONDS:.0f} s",
            hint="see who holds the port: ss -lntup; or choose other ports under pbx in lab.yaml"
            if port_taken
            else f"read {self.log}",
        )

    def keep_crash(self, folder: Path) -> Crash | None:
        """Move what the last crash left (log, core file) into ``folder``; None without a crash.

        Only after a crash and before the next start.
        """
        if not self._lost:
            return None
        if self._output is not None:
            self._output.join(_LOST_SECONDS)
        return keep_crash(self._lost, self.log, self._cores, folder)

    def stop(self) -> None:
        """Stop the container; safe to call at any time and more than once."""
        with self._state:
            was_running, self._running = self._running, False
            process, self._process = self._process, None
            ami, self._ami = self._ami, None
        if ami is not None:
            ami.close()
        if process is None or self._runtime is None:
            return
        if process.poll() is None:
            self._runtime.call("stop", "-t", str(_STOP_SECONDS), self._name)
        try:
            process.wait(_STOP_SECONDS + 8.0)
        except subprocess.TimeoutExpired:
            self._runtime.call("rm", "-f", self._name)
            process.kill()
            process.wait()
        if self._output is not None:
            self._output.join(2.0)
        if was_running:
            self._observe(PbxStopped(asked=True))

    def set_codecs(self, user: str, *names: str) -> None:
        """Allow a user exactly these codecs (RFC 3551 names); none restores the shipped ones.

        Raises:
            UsageFault: no such user or codec.
            BenchFault: Asterisk did not take it.
        """
        changed = self._users.with_codecs(user, names)
        if changed is not None:
            self.reload_endpoint(changed)

    def reload_endpoint(self, endpoint: Endpoint) -> None:
        """Replace the endpoint of the same user, or add one, while Asterisk runs.

        Raises:
            BenchFault: Asterisk did not take it.
        """
        self._users.change(endpoint, self._require_ami(), self._telling)

    def contacts(self, aor: str) -> list[Contact]:
        """Return the contacts of an address of record, from the manager interface."""
        return self.driver.contacts(self._require_ami(), aor)

    def channels(self) -> list[str]:
        """Return the names of all channels, e.g. ``PJSIP/201-00000003`` or ``SIP/201-00000003``."""
        messages = self._require_ami().action("CoreShowChannels")
        return [m.fields["Channel"] for m in messages if m.event == "CoreShowChannel"]

    def channels_of(self, user: str) -> list[str]:
        """Return the channels that belong to one user."""
        own = f"{self.driver.technology}/{user}-"
        return [name for name in self.channels() if name.startswith(own)]

    def wait_no_channels(self, user: str, *, within: float) -> None:
        """Wait until a user has no channel left.

        Raises:
            BenchFault: the PBX does not answer.
            ProductFault: a channel is still there.
        """
        device = self._witness.device(user) or user
        timeline = self._observe.timeline
        wait_no_channels(self.channels_of, timeline, user, device=device, within=within)

    def join_calls(self, user: str, held: str, active: str) -> None:
        """Make a conference of two calls of one user, named by their Call-IDs.

        Raises:
            BenchFault: they are not there, or were not moved.
        """
        ami = self._require_ami()
        join_calls(ami, self.channels_of(user), self.driver.call_id, held, active)

    def hangup_all(self) -> None:
        """Ask Asterisk to end every channel."""
        self._require_ami().command("channel request hangup all")

    def command(self, command: str) -> str:
        """Run a console command through the manager interface."""
        return self._require_ami().command(command)

    def console(self) -> Console:
        """Open the interactive console."""
        if self._runtime is None or not self._running:
            raise self._not_running()
        # Muted: what Asterisk logs meanwhile comes from other threads and tears an answer's lines.
        return self.driver.console(self._runtime.exec_command(self._name, "asterisk", "-rm"))

    def _write(self, endpoints: Sequence[Endpoint]) -> None:
        # The mount shows only etc/ to the container; on the host its secrets stay in here.
        self._workdir.mkdir(parents=True, exist_ok=True)
        self._workdir.chmod(0o700)
        render_configuration(
            self.configuration,
            self._spec,
            endpoints,
            driver=self.driver,
            ami_user=_AMI_USER,
            ami_secret=self._secret,
        )
        self._amend(self.configuration)

    def _telling(self) -> list[str]:
        return self._output.telling() if self._output else []

    def _require_ami(self) -> AmiClient:
        ami = self._ami
        if ami is None:
            raise self._not_running()
        return ami

    def _not_running(self) -> BenchFault:
        return BenchFault(
            "Asterisk is not running",
            device="pbx",
            state=self._lost or "not started, or stopped",
            hint=f"read {self.log} for its last words",
        )

    def _on_lost(self, reason: str) -> None:
        # The end of the container says more than the end of the connection, and comes with it.
        self._on_gone(ending(self._process, _LOST_SECONDS) or reason)

    def _on_end(self) -> None:
        self._on_gone(ending(self._process, _LOST_SECONDS) or "the container's output ended")

    def _on_gone(self, reason: str) -> None:
        """Say once that Asterisk went away unasked, whoever notices first."""
        with self._state:
            if not self._running:
                return
            self._running = False
            ami, self._ami = self._ami, None
            self._lost = reason
        self._gone.set()
        if ami is not None:
            ami.close()
        self._observe(PbxStopped(asked=False, reason=reason))

    def _on_line(self, line: str) -> None:
        self._write_down(self._witness.from_log(line))

    def _on_event(self, message: AmiMessage) -> None:
        if message.event == "FullyBooted":
            self._booted.set()
        elif message.event == "Reload" and message.fields.get("Module") == self.driver.module:
            self._users.reload_ended()
        self._write_down(self._witness.from_manager(message))

    def _write_down(self, seen: tuple[Event, str] | None) -> None:
        if seen is not None:
            event, device = seen
            self._observe(event, device=device)
