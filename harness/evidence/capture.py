"""The capture: long-running tcpdump, read live, written to one pcap per test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.disk import disk_fault, is_full
from harness.errors import BenchFault, HarnessBug, HarnessError, UsageFault
from harness.events import DtmfHeard, Event, Note, PartBack, PartLost, Record, RtpStreamSeen
from harness.evidence.decoder import Decoder, sip_event
from harness.evidence.frames import Dissector, Frame, Packet
from harness.evidence.pcap_file import PcapFile
from harness.evidence.rtp import Digit, RtpBook, StreamKey
from harness.evidence.sip import SipText
from harness.evidence.taps import Taps
from harness.lab import Lab
from harness.steady import RUN_CLOCK
from harness.timeline import disk_loss

__all__ = ["Capture", "Observe", "capture_filter"]

#: A driver's way into the timeline; :class:`harness.timeline.Observer` is one.
Observe = Callable[..., Record | None]

#: RTP ports of a 79x2: startMediaPort 16384 to stopMediaPort 32766 (Cisco's sample config).
_PHONE_RTP = (16384, 32766)
_PEER_RTP = (14000, 15999)
_LOOPBACK = "lo"
#: A pipe silent this long (seconds) after a moment holds nothing captured before that moment:
#: measured from wire to pipe are 0.2 ms.
_SETTLED = 0.02
#: Seconds between looks at a silent wire that nobody waits for.
_UNWATCHED = 0.5


def capture_filter(lab: Lab) -> str:
    """The BPF expression for a lab: its SIP, its RTP and what is asked of TFTP.

    Only the lab's own hosts, so that two labs on one loopback do not mix. TFTP data is left out
    on purpose (it runs on ports of its own): megabytes of firmware, and configs hold passwords.
    Later IP fragments have no ports, so they are taken for themselves.
    """
    phones = {str(phone.address) for phone in lab.phones.values()}
    peers = {str(peer.address) for peer in lab.peers.values()}
    hosts = _any_host(phones | peers)
    sip = " or ".join(f"port {port}" for port in sorted({5060, lab.pbx.sip_port}))
    ranges = (_PEER_RTP, (lab.pbx.rtp_start, lab.pbx.rtp_end), _PHONE_RTP)
    rtp = " or ".join(f"udp portrange {low}-{high}" for low, high in ranges)
    tftp = f"udp dst port {lab.network.tftp_port}"
    # A phone told the wrong port speaks to the PBX there. A peer may share the PBX's address, where
    # the harness itself talks to the PBX's manager, with a password.
    pbx = f"(host {lab.pbx.address} and ({_any_host(phones)}))"
    own = f"({hosts}) and ({sip} or {rtp} or {tftp} or {pbx} or (udp and ip[6:2] & 0x1fff != 0))"
    # A phone that asks for its address has none yet.
    return f"({own}) or (udp port 67 or udp port 68)" if lab.network.dhcp else own


def _any_host(addresses: set[str]) -> str:
    return " or ".join(f"host {address}" for address in sorted(addresses))


class Capture:
    """Everything on an interface that a filter lets through, on disk and decoded live.

    SIP messages, new RTP streams and DTMF digits go to the timeline as they cross the wire.

    Args:
        interface: network device, like ``lo`` or ``eth1``.
        filter_expression: BPF, see :func:`capture_filter`.
        observe: writer into the timeline, called as ``observe(event, device=name)``.
        device_of: device name by ``ip`` or ``ip:port``. A message is about its sender when that
            is named here, else about its receiver: name phones and peers, leave the PBX out.
        session_pcap: where packets between tests go; without it they are only decoded.
        loopback: whether to take what crosses this machine's loopback as well: there PBX and peers
            of one host speak, whatever interface has their addresses.

    Packets are dated by the run's own clock, also when somebody sets the host's.
    """

    name = "capture"

    def __init__(
        self,
        interface: str,
        filter_expression: str,
        observe: Observe,
        device_of: Mapping[str, str],
        session_pcap: Path | None = None,
        *,
        loopback: bool = False,
    ) -> None:
        self.interface = interface
        self._interfaces = tuple(dict.fromkeys((interface, *([_LOOPBACK] if loopback else []))))
        self.filter_expression = filter_expression
        #: Writer into the timeline.
        self.observe = observe
        self._device_of = dict(device_of)
        self._session_path = session_pcap
        #: All RTP seen; waits on ``rtp.changed``.
        self.rtp = RtpBook(self._new_stream, self._digit)
        self._decoder = Decoder(self._sip, self.rtp)
        self._header = b""
        self._state = threading.Condition()
        self._taps: Taps | None = None
        self._thread: threading.Thread | None = None
        self._session: PcapFile | None = None
        self._file: PcapFile | None = None
        self._starts = 0
        self._no_room = False
        #: The running test's own pcap, as far as it is written; None between tests.
        self.test_pcap: Path | None = None
        self._fault: BenchFault | None = None
        self._stopping = False
        self._quiet_at = 0.0
        #: When somebody last asked for silence.
        self._asked = 0.0
        self._newest = 0.0
        #: Packets taken since :meth:`start`, and of those since :meth:`begin`.
        self.packets = 0
        self.test_packets = 0

    def start(self, within: float = 5.0) -> None:
        """Start capturing; returns when packets sent from now on are sure to be taken.

        tcpdump writes the file header after the socket is bound and its filter set, so the
        header is the proof.

        Raises:
            BenchFault: tcpdump is missing, has no rights, or cannot use interface or filter.
        """
        if self._taps is not None:
            raise HarnessBug("this capture was started already")
        self._starts += 1
        try:
            taps = self._taps = Taps(self._interfaces, self.filter_expression)
        except OSError as error:
            raise self._cannot(f"tcpdump cannot be run: {error.strerror}") from error
        self._thread = threading.Thread(
            target=self._read, args=(taps,), name="capture", daemon=True
        )
        self._thread.start()
        with self._state:
            self._state.wait_for(lambda: self._header or self._fault, within)
            fault, running = self._fault, bool(self._header)
        if fault is not None or not running:
            self.stop()
            raise fault or self._cannot(f"tcpdump said nothing within {within:.0f} s")

    def stop(self) -> None:
        """End the capture and close its files; harmless when it is not running."""
        taps = self._taps
        if taps is None:
            return
        if self._fault is None:
            self._settle(RUN_CLOCK.now())
        self._stopping = True
        taps.terminate()
        if self._thread is not None:
            self._thread.join(5)
        taps.close()
        with self._state:
            self._close_test()
            if self._session is not None:
                self._session.close()
                self._session = None
        self._taps = self._thread = None

    @property
    def gone(self) -> str:
        """Why packets are no longer taken; empty while they are."""
        return self._fault.summary if self._fault is not None else ""

    def mend(self) -> None:
        """Start it again after it died; what crossed the wire meanwhile nobody saw.

        Raises:
            BenchFault: as from :meth:`start`.
        """
        self.stop()
        self._header = b""
        self._stopping, self._fault = False, None
        self.start()
        self._say(PartBack(self.name))

    def begin(self, path: Path) -> None:
        """From the next packet on, write to ``path`` (a test's own pcap).

        Raises:
            BenchFault: the capture died, or the disk is full.
            UsageFault: the file cannot be written.
        """
        self.check()
        if self._taps is None:
            raise HarnessBug("the capture was not started")
        self._settle(RUN_CLOCK.now())
        with self._state:
            self._close_test()
            self._file = self._create(path)
            self.test_pcap = path
            self.test_packets = 0

    def end(self) -> None:
        """Close the test's pcap once every packet sent before this call is in it."""
        if self._taps is not None and self._fault is None:
            self._settle(RUN_CLOCK.now())
        with self._state:
            self._close_test()

    def check(self) -> None:
        """Raise the reason when the capture is no longer running.

        Raises:
            BenchFault: tcpdump ended by itself.
        """
        if self._fault is not None:
            raise self._fault

    @property
    def running(self) -> bool:
        """Whether packets are being taken."""
        return self._taps is not None and self._fault is None

    def device(self, end: str) -> str:
        """Device name at ``ip:port``, or an empty string."""
        return self._device_of.get(end) or self._device_of.get(end.rpartition(":")[0], "")

    def _close_test(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = self.test_pcap = None

    def _create(self, path: Path) -> PcapFile:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = PcapFile(path, self._header)
        except OSError as error:
            told = f"cannot write the capture {path}"
            if is_full(error):
                raise disk_fault(told, path.parent.parent) from error
            raise UsageFault(f"{told}: {error.strerror}") from error
        self._written(file, b"")
        return file

    def _written(self, file: PcapFile, records: bytes) -> None:
        """Write, and say once when there is no room: the reader must live on."""
        trouble = file.write(records)
        if trouble is not None and not self._no_room:
            self._say(disk_loss(file.path, trouble))
        self._no_room = trouble is not None

    def _settle(self, moment: float, within: float = 1.0) -> None:
        """Wait until all that crossed the wire before ``moment`` has been read."""
        with self._state:
            asked = self._asked = time.monotonic()
            if self._taps is not None:
                self._taps.wake()
            self._state.wait_for(
                lambda: (
                    self._newest >= moment
                    or self._quiet_at >= asked + _SETTLED
                    or self._fault is not None
                ),
                within,
            )

    def _read(self, taps: Taps) -> None:
        dissector: Dissector | None = None
        failure = ""
        patience = _SETTLED
        try:
            while (frames := taps.read(patience)) is not None:
                if taps.header and dissector is None:
                    dissector = Dissector(taps.link_type)
                    self._open(taps.header)
                patience = _SETTLED
                if frames:
                    self._take(taps, frames, dissector)
                elif not self._quiet() and not self.rtp.tick(RUN_CLOCK.now()):
                    patience = _UNWATCHED
        except HarnessError as error:
            failure = error.summary
        except Exception as error:  # noqa: BLE001 - a dead reader must not pass for a silent wire
            failure = f"{type(error).__name__}: {error}"
        last_words = taps.last_words()
        self._ended(failure or last_words, taps.dropped)

    def _quiet(self) -> bool:
        """Tell that nothing came for a moment; whether somebody waits for a longer one."""
        with self._state:
            self._quiet_at = time.monotonic()
            self._state.notify_all()
            return self._quiet_at < self._asked + _SETTLED

    def _open(self, header: bytes) -> None:
        with self._state:
            self._header = header
            if self._session_path is not None:
                path = self._session_path
                if self._starts > 1:
                    path = path.with_stem(f"{path.stem}-{self._starts}")
                self._session = self._create(path)
            self._state.notify_all()

    def _take(self, taps: Taps, frames: list[Frame], dissector: Dissector | None) -> None:
        with self._state:
            RUN_CLOCK.shift()
            if RUN_CLOCK.was_set:
                frames = [taps.moved(f, RUN_CLOCK.steady(f.time) - f.time) for f in frames]
            target = self._file or self._session
            if target is not None:
                self._written(target, b"".join([frame.record for frame in frames]))
            self.packets += len(frames)
            self.test_packets += len(frames)
        if dissector is not None:
            for frame in frames:
                packet = dissector.packet(frame)
                if packet is not None:
                    self._decoder.take(packet)
        # Told only now: whoever waits for a moment finds it decoded as well as written.
        with self._state:
            self._newest = max(self._newest, frames[-1].time)
            self._state.notify_all()

    def _ended(self, why: str, lost: int) -> None:
        if not self._stopping:
            started = bool(self._header)
            summary = f"the capture {'died' if started else 'did not start'}: {why}"
            fault = self._cannot(summary)
            with self._state:
                self._fault = fault
                self._state.notify_all()
            with self.rtp.changed:
                self.rtp.changed.notify_all()
            if started:
                self._say(PartLost(self.name, summary, hint=fault.hint))
            return
        if lost:
            self._say(Note(text=f"the capture lost {lost} packets: the machine was too busy"))

    def _cannot(self, summary: str) -> BenchFault:
        hint = "apt-get install tcpdump, and run as root or give it the right: "
        hint += "setcap cap_net_raw,cap_net_admin=eip $(command -v tcpdump)"
        if "No such device" in summary:
            hint = "set network.interface in lab.yaml to one that `ip link` lists"
        elif "died" in summary:
            hint = "look who ended tcpdump (journalctl, dmesg: out of memory?), then run again"
        elif "expression" in summary:
            hint = f"this filter was given: {self.filter_expression}"
        return BenchFault(
            summary,
            device=f"capture on {' and '.join(self._interfaces)}",
            state="not capturing",
            expected="tcpdump runs for the whole session",
            hint=hint,
        )

    def _say(self, event: Event, device: str = "") -> None:
        self.observe(event, device=device)

    def _sip(self, packet: Packet, message: SipText) -> None:
        event = sip_event(packet, message)
        self._say(event, self.device(event.source) or self.device(event.destination))

    def _new_stream(self, key: StreamKey, payload_type: int) -> None:
        self._say(
            RtpStreamSeen(key.source, key.destination, key.ssrc, payload_type),
            self.device(key.source) or self.device(key.destination),
        )

    def _digit(self, digit: Digit) -> None:
        ear = digit.stream.destination
        name = self.device(ear)
        heard_by = name or ear.rpartition(":")[0]
        self._say(DtmfHeard(digit.digit, digit.duration_ms, heard_by), name)
