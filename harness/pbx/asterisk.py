"""One Asterisk in a container, from configuration to events on the timeline."""

from __future__ import annotations

import re
import secrets
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from harness.errors import BenchFault, ProductFault
from harness.events import (
    AmiEvent,
    PbxStarted,
    PbxStopped,
    Registered,
    RegistrationFailed,
    Unregistered,
)
from harness.lab import PbxSpec
from harness.pbx.ami import AmiClient, AmiMessage
from harness.pbx.console import Console
from harness.pbx.render import Endpoint, asterisk_codec, render_configuration
from harness.pbx.runtime import ContainerRuntime
from harness.timeline import Observer

__all__ = ["Asterisk", "Contact"]

_URI = re.compile(r"sips?:(?P<user>[^@]+)@(?P<host>[^:;>]+)(?::(?P<port>\d+))?")
_START_SECONDS = 20.0
_AMI_USER = "harness"
_REFUSALS = {
    "InvalidPassword", "ChallengeResponseFailed", "InvalidAccountID", "FailedACL",
    "RequestNotAllowed", "RequestBadFormat",
}  # fmt: skip
#: Events kept on the timeline; the rest (Newexten, VarSet, RTCP ...) would drown it.
_KEPT = {
    "Newchannel", "Hangup", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hold", "Unhold",
    "DTMFBegin", "DTMFEnd", "BlindTransfer", "AttendedTransfer", "ConfbridgeJoin",
    "ConfbridgeLeave", "SuccessfulAuth",
}  # fmt: skip
_FIELDS = {
    "Channel", "ChannelStateDesc", "CallerIDNum", "ConnectedLineNum", "Exten", "Cause",
    "Cause-txt", "BridgeUniqueid", "Digit", "Direction", "DurationMs", "DialStatus",
    "DestChannel", "Result", "Conference", "AccountID", "TransfererChannel", "TransfereeChannel",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the PBX would send a request for an address of record."""

    aor: str
    uri: str
    host: str
    port: int


class Asterisk:
    """The PBX of a run.

    Args:
        spec: the lab's ``pbx`` entry.
        endpoints: every user it serves.
        observe: writes its events.
        workdir: gets ``etc/`` (the configuration) and ``asterisk.log``.
        device_of: the lab's device name for an extension, to say whom an event is about.
    """

    def __init__(
        self,
        spec: PbxSpec,
        endpoints: Sequence[Endpoint],
        observe: Observer,
        workdir: Path,
        device_of: Mapping[str, str] | None = None,
    ) -> None:
        self._spec = spec
        self._endpoints = {endpoint.user: endpoint for endpoint in endpoints}
        self._shipped = dict(self._endpoints)
        self._observe = observe
        self._config = workdir / "etc"
        self.log = workdir / "asterisk.log"
        self._device_of = dict(device_of or {})
        self._name = f"phone-bench-{secrets.token_hex(4)}"
        self._secret = secrets.token_urlsafe(16)
        self._ami: AmiClient | None = None
        self._runtime: ContainerRuntime | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_file: IO[bytes] | None = None
        self._booted = threading.Event()
        self._stopping = False

    @property
    def version(self) -> str:
        """Asterisk's version, as the probe saw it; empty before the start."""
        return self._runtime.probed if self._runtime else ""

    @property
    def runtime_name(self) -> str:
        """The container runtime in use."""
        return self._runtime.description if self._runtime else ""

    def start(self) -> None:
        """Start the container and wait until Asterisk says it is fully booted.

        Raises:
            BenchFault: no runtime or image, a port is taken, or the configuration is refused;
                with the last lines of the log.
        """
        self._runtime = ContainerRuntime.probe(self._spec.image)
        self._write()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._log_file = self.log.open("wb")
        self._process = subprocess.Popen(
            self._runtime.start_command(self._name, self._spec.image, self._config.resolve()),
            stdout=self._log_file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        self._connect()
        threading.Thread(target=self._watch, name="pbx-watch", daemon=True).start()
        self._observe(PbxStarted(version=self.version, runtime=self._runtime.description))

    def _connect(self) -> None:
        """Knock at the manager port until it opens; the process ending first is the answer too."""
        deadline = time.monotonic() + _START_SECONDS
        pause = threading.Event()
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise self._start_fault("the container ended while starting")
            try:
                self._ami = AmiClient(
                    str(self._spec.address), self._spec.ami_port, self._on_event, self._on_lost
                )
                self._ami.login(_AMI_USER, self._secret)
            except BenchFault as fault:
                if self._ami is not None:
                    self._ami.close()
                    self._ami = None
                if "refused the login" in fault.summary:
                    raise self._start_fault("another Asterisk answers its manager port") from fault
                # Before the port opens there is nothing else to wait on.
                pause.wait(0.05)
                continue
            if not self._booted.wait(deadline - time.monotonic()):
                raise self._start_fault("Asterisk never said FullyBooted")
            taken = self._sip_port_fault()
            if taken:
                raise self._start_fault(taken)
            return
        raise self._start_fault("the manager port never opened")

    def _sip_port_fault(self) -> str:
        """A taken SIP port does not stop Asterisk, so look whether its transport is there."""
        listed = self._require_ami().command("pjsip show transports")
        if "transport-udp" in listed:
            return ""
        return f"SIP port {self._spec.address}:{self._spec.sip_port} could not be bound"

    def _start_fault(self, what: str) -> BenchFault:
        log = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        wanted = ("ERROR", "Address already in use", "Error", "Unable")
        telling = [line for line in log.splitlines() if any(word in line for word in wanted)]
        last = (telling or log.splitlines())[-3:]
        in_use = "Address already in use" in log or "another Asterisk" in what
        self.stop()
        return BenchFault(
            f"Asterisk did not start: {what}",
            device="pbx",
            state=" | ".join(line.strip()[-160:] for line in last) or "no log",
            expected=f"FullyBooted within {_START_SECONDS:.0f} s",
            hint="another Asterisk holds the port: ss -lunpt, or choose other ports in lab.yaml"
            if in_use
            else f"read {self.log}",
        )

    def stop(self) -> None:
        """Stop the container; safe to call at any time."""
        self._stopping = True
        if self._ami is not None:
            self._ami.close()
            self._ami = None
        process = self._process
        if process is not None and self._runtime is not None:
            self._runtime.call("stop", "-t", "2", self._name)
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                self._runtime.call("rm", "-f", self._name)
                process.kill()
                process.wait()
            self._process = None
            self._observe(PbxStopped(asked=True))
        if self._log_file is not None:
            self._log_file.close()
            self._log_file = None

    def set_codecs(self, user: str, *names: str) -> None:
        """Allow a user exactly these codecs (RFC 3551 names); none restores the shipped ones."""
        codecs = tuple(asterisk_codec(name) for name in names) or self._shipped[user].codecs
        if self._endpoints[user].codecs == codecs:
            return
        self._endpoints[user] = replace(self._endpoints[user], codecs=codecs)
        self._write()
        self._reload(user, codecs)

    def _reload(self, user: str, codecs: tuple[str, ...]) -> None:
        """Reload the endpoints; Asterisk does it after it has answered, so look until it shows."""
        ami = self._require_ami()
        ami.action("Reload", Module="res_pjsip.so", within=10.0)
        wanted = f"({'|'.join(codecs)})"
        deadline = time.monotonic() + 5.0
        pause = threading.Event()
        while wanted not in ami.command(f"pjsip show endpoint {user}"):
            if time.monotonic() > deadline:
                raise BenchFault(
                    f"the codecs of {user} did not change to {wanted}",
                    device="pbx",
                    hint=f"read {self.log} for a refused pjsip.conf",
                )
            pause.wait(0.05)

    def contacts(self, aor: str) -> list[Contact]:
        """Return the contacts of an address of record, from the manager interface."""
        messages = self._require_ami().action("PJSIPShowContacts")
        found = []
        for message in messages:
            fields = message.fields
            if message.event != "ContactList" or fields.get("Aor", "") != aor:
                continue
            uri = fields.get("Uri", "")
            match = _URI.match(uri)
            if match:
                found.append(Contact(aor, uri, match["host"], int(match["port"] or 5060)))
        return found

    def channels(self) -> list[str]:
        """Return the names of all channels, e.g. ``PJSIP/201-00000003``."""
        messages = self._require_ami().action("CoreShowChannels")
        return [m.fields["Channel"] for m in messages if m.event == "CoreShowChannel"]

    def channels_of(self, user: str) -> list[str]:
        """Return the channels that belong to one user."""
        return [name for name in self.channels() if name.startswith(f"PJSIP/{user}-")]

    def wait_no_channels(self, user: str, *, within: float) -> None:
        """Wait until a user has no channel left.

        Raises:
            BenchFault: the PBX does not answer.
            ProductFault: a channel is still there.
        """
        # Every channel's end is an event, so the list need only be read again after one.
        timeline = self._observe.timeline
        deadline = time.monotonic() + within
        while left := self.channels_of(user):
            remaining = deadline - time.monotonic()
            since = timeline.mark()
            if remaining <= 0 or not timeline.wait_until(bool, within=remaining, since=since):
                raise ProductFault(
                    f"a call leg of {user} is still up at the PBX: {', '.join(left)}",
                    device=self._device_of.get(user, user),
                    expected=f"no channel within {within:.0f} s",
                    hint="read the ladder: who owes the BYE?",
                )

    def hangup_all(self) -> None:
        """Ask Asterisk to end every channel."""
        self._require_ami().action("Command", Command="channel request hangup all")

    def command(self, command: str) -> str:
        """Run a console command through the manager interface."""
        return self._require_ami().command(command)

    def console(self) -> Console:
        """Open the interactive console."""
        if self._runtime is None:
            raise BenchFault("Asterisk is not running", device="pbx")
        return Console(self._runtime, self._name)

    def _write(self) -> None:
        render_configuration(
            self._config,
            self._spec,
            list(self._endpoints.values()),
            ami_user=_AMI_USER,
            ami_secret=self._secret,
        )

    def _require_ami(self) -> AmiClient:
        if self._ami is None:
            raise BenchFault(
                "Asterisk is not running", device="pbx", hint=f"read {self.log} for its last words"
            )
        return self._ami

    def _on_lost(self, reason: str) -> None:
        if not self._stopping:
            self._ami = None
            self._observe(PbxStopped(asked=False, reason=reason))

    def _watch(self) -> None:
        process = self._process
        if process is not None and process.wait() and not self._stopping:
            self._observe(PbxStopped(asked=False, reason=f"container exit {process.returncode}"))

    def _on_event(self, message: AmiMessage) -> None:
        fields = message.fields
        if message.event == "FullyBooted":
            self._booted.set()
        elif message.event == "ContactStatus":
            self._on_contact(fields)
        elif fields.get("Service") == "AMI":
            return
        elif message.event in _REFUSALS:
            account = fields.get("AccountID", "")
            self._observe(
                RegistrationFailed(account, message.event, fields.get("RemoteAddress", "")),
                device=self._device_of.get(account, ""),
            )
        elif message.event in _KEPT:
            kept = {key: value for key, value in fields.items() if key in _FIELDS}
            self._observe(AmiEvent(message.event, kept), device=self._device(fields))

    def _on_contact(self, fields: Mapping[str, str]) -> None:
        aor = fields.get("AOR", "")
        device = self._device_of.get(aor, aor)
        status = fields.get("ContactStatus", "")
        if status == "Removed":
            self._observe(Unregistered(aor, fields.get("URI", "")), device=device)
        else:
            self._observe(Registered(aor, fields.get("URI", "")), device=device)

    def _device(self, fields: Mapping[str, str]) -> str:
        match = re.match(r"PJSIP/([^-]+)-", fields.get("Channel", ""))
        user = match[1] if match else fields.get("AccountID", "")
        return self._device_of.get(user, "")
