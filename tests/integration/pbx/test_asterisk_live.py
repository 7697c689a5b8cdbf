"""The real Asterisk in its container: start, registration, codecs, crash, faults."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from raw_sip import RawPhone, offer

from harness.errors import BenchFault, UsageFault
from harness.events import (
    AmiEvent,
    PbxStarted,
    PbxStopped,
    Registered,
    RegistrationFailed,
    Unregistered,
)
from harness.lab import PbxKind, PbxSpec
from harness.pbx import Asterisk, ContainerRuntime, Endpoint
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

on_22 = pytest.mark.parametrize("kind", ["asterisk22"], indirect=True)
on_16 = pytest.mark.parametrize("kind", ["asterisk16"], indirect=True)

PBX = ("127.43.4.2", 5060)
PHONE_IP = "127.43.4.42"


@pytest.fixture
def phone() -> Iterator[RawPhone]:
    with RawPhone("201", "right-password", PHONE_IP, PBX) as raw:
        yield raw


def the_runtime(kind: PbxKind = "asterisk22") -> ContainerRuntime:
    return ContainerRuntime.probe(PbxSpec(kind=kind).image_name)


def running_containers() -> str:
    runtime = the_runtime()
    return runtime.call("ps", "-a", "--format", "{{.Names}}").stdout


def told_contact(kind: PbxKind, phone: RawPhone) -> str:
    """Of a contact, chan_sip's events tell where it is and no more."""
    return phone.uri if kind == "asterisk22" else f"sip:{phone.address}:{phone.port}"


def test_starts_within_seconds_and_stops_without_a_trace(
    pbx: Asterisk, timeline: Timeline, kind: PbxKind
) -> None:
    (started,) = timeline.events(PbxStarted)
    assert started.version.startswith(f"Asterisk {kind.removeprefix('asterisk')}.")
    assert started.runtime.startswith(("podman", "docker"))
    assert pbx.running
    name = pbx._name
    assert name in running_containers()
    began = time.monotonic()
    pbx.stop()
    assert time.monotonic() - began < 5.0
    assert timeline.events(PbxStopped) == [PbxStopped(asked=True)]
    assert name not in running_containers()
    pbx.stop()
    assert len(timeline.events(PbxStopped)) == 1


def test_can_be_started_again(pbx: Asterisk, phone: RawPhone, timeline: Timeline) -> None:
    pbx.stop()
    pbx.start()
    assert phone.register().status == 200
    timeline.wait_for(Registered, within=3.0, device="desk-7942")


def test_registration_as_three_witnesses_tell_it(
    pbx: Asterisk, phone: RawPhone, timeline: Timeline, kind: PbxKind
) -> None:
    before = int(time.time())
    assert phone.register(expires=600).status == 200
    seen = timeline.wait_for(Registered, within=3.0, device="desk-7942")
    assert (seen.aor, seen.contact) == ("201", told_contact(kind, phone))
    assert len(timeline.events(Registered)) == 1
    (contact,) = pbx.contacts("201")
    # The address the phone gave, not where the packet came from: that is what it listens on.
    assert (contact.host, contact.port, contact.uri) == (PHONE_IP, phone.port, phone.uri)
    assert before + 590 <= contact.expires_at <= before + 620
    assert pbx.contacts("211") == []
    with pbx.console() as console:
        (shown,) = console.contacts()
        assert (shown.aor, shown.host, shown.port) == ("201", PHONE_IP, phone.port)


def test_refresh_and_end_of_a_registration(
    pbx: Asterisk, phone: RawPhone, timeline: Timeline, kind: PbxKind
) -> None:
    phone.register()
    timeline.wait_for(Registered, within=3.0)
    since = timeline.mark()
    phone.register(expires=900)
    again = timeline.wait_for(Registered, within=3.0, since=since, device="desk-7942")
    assert again.contact == told_contact(kind, phone)
    assert again.expires == (900 if kind == "asterisk22" else 0)
    phone.register(expires=0)
    gone = timeline.wait_for(Unregistered, within=3.0, device="desk-7942")
    assert (gone.aor, gone.contact) == ("201", phone.uri if kind == "asterisk22" else "")
    assert pbx.contacts("201") == []


def test_a_contact_with_a_long_user_part(
    pbx: Asterisk, phone: RawPhone, timeline: Timeline
) -> None:
    # 79x2 loads of the 8.x and 9.x trains put a UUID into their Contact.
    uuid = "8f6a3b52-0c4e-4a0b-9f51-6b1c7d2e3f40"
    uri = f"sip:{uuid}@{PHONE_IP}:{phone.port};transport=udp"
    type(phone).uri = property(lambda _: uri)  # type: ignore[method-assign,assignment]
    try:
        phone.register()
    finally:
        type(phone).uri = property(lambda self: f"sip:{self.user}@{self.address}:{self.port}")
    timeline.wait_for(Registered, within=3.0)
    (contact,) = pbx.contacts("201")
    assert (contact.host, contact.port) == (PHONE_IP, phone.port)
    with pbx.console() as console:
        (shown,) = console.contacts()
    assert (shown.host, shown.port) == (PHONE_IP, phone.port)


#: What a refused REGISTER is answered and what the manager calls it, by who asks. chan_sip does not
#: tell a stranger from a wrong password (alwaysauthreject), and says 403 to both.
REFUSALS = {
    "asterisk22": {"wrong": (401, "ChallengeResponseFailed"), "unknown": (401, "InvalidAccountID")},
    "asterisk16": {"wrong": (403, "InvalidPassword"), "unknown": (403, "InvalidPassword")},
}


def test_wrong_password_is_seen_as_a_refusal(
    pbx: Asterisk, timeline: Timeline, kind: PbxKind
) -> None:
    status, reason = REFUSALS[kind]["wrong"]
    with RawPhone("201", "wrong", PHONE_IP, PBX) as stranger:
        assert stranger.register().status == status
        refused = timeline.wait_for(RegistrationFailed, within=3.0, device="desk-7942")
        assert refused.address == f"{PHONE_IP}:{stranger.port}"
    assert (refused.aor, refused.reason) == ("201", reason)
    assert timeline.events(Registered) == []
    assert pbx.contacts("201") == []


def test_unknown_user_is_seen_as_a_refusal(
    pbx: Asterisk, timeline: Timeline, kind: PbxKind
) -> None:
    status, reason = REFUSALS[kind]["unknown"]
    with RawPhone("777", "any", PHONE_IP, PBX) as stranger:
        assert stranger.register().status == status
    refused = timeline.wait_for(RegistrationFailed, within=3.0)
    assert (refused.aor, refused.reason) == ("777", reason)


def test_conference_without_a_sound_file(
    pbx: Asterisk, phone: RawPhone, timeline: Timeline
) -> None:
    answer = phone.call("290", offer(PHONE_IP, 8))
    assert answer.status == 200
    # The media address is the PBX's own, not that of the machine's first interface.
    assert "c=IN IP4 127.43.4.2" in answer.text
    assert "m=audio" in answer.text
    joined = timeline.wait_for(
        AmiEvent, within=3.0, device="desk-7942", where=lambda e: e.name == "ConfbridgeJoin"
    )
    assert joined.fields["Conference"] == "290"
    (channel,) = pbx.channels_of("201")
    with pbx.console() as console:
        assert channel in [shown.name for shown in console.channels()]
    assert phone.bye("290", answer).status == 200
    pbx.wait_no_channels("201", within=3.0)


def test_echo_test_answers(pbx: Asterisk, phone: RawPhone) -> None:
    answer = phone.call("*43", offer(PHONE_IP, 0))
    assert answer.status == 200
    assert " RTP/AVP 0\r\n" in answer.text


def test_hangup_all_ends_a_call(pbx: Asterisk, phone: RawPhone) -> None:
    assert phone.call("*43", offer(PHONE_IP, 0)).status == 200
    assert pbx.channels_of("201")
    pbx.hangup_all()
    while not phone.receive().start_line.startswith("BYE "):
        pass
    pbx.wait_no_channels("201", within=3.0)


def test_nobody_there_is_480_and_no_such_number_404(pbx: Asterisk, phone: RawPhone) -> None:
    absent = phone.call("211", offer(PHONE_IP, 8))
    assert absent.status == 480
    assert "cause=20" in absent.header("Reason")
    assert phone.call("999", offer(PHONE_IP, 8)).status == 404


def test_codecs_changed_while_it_runs(pbx: Asterisk, phone: RawPhone) -> None:
    assert phone.call("*43", offer(PHONE_IP, 8)).status == 200
    pbx.hangup_all()
    for _ in range(10):
        pbx.set_codecs("201", "GSM")
        assert phone.call("*43", offer(PHONE_IP, 8)).status == 488
        pbx.set_codecs("201")
    answer = phone.call("*43", offer(PHONE_IP, 0, 8))
    # The shipped order is alaw first, whatever the offer prefers.
    assert answer.status == 200
    with pytest.raises(UsageFault, match="no user '999'"):
        pbx.set_codecs("999", "PCMA")
    with pytest.raises(UsageFault, match="no codec named 'OPUS'"):
        pbx.set_codecs("201", "OPUS")


def test_new_password_takes_effect_at_once(pbx: Asterisk, phone: RawPhone, kind: PbxKind) -> None:
    assert phone.register().status == 200
    pbx.reload_endpoint(Endpoint("201", "another", kind="phone"))
    assert phone.register().status == REFUSALS[kind]["wrong"][0]


def test_configuration_is_read_only_inside(pbx: Asterisk, kind: PbxKind) -> None:
    file = f"/etc/asterisk/{pbx.driver.endpoint_file}"
    result = the_runtime(kind).call("exec", pbx._name, "touch", file)
    assert "Read-only file system" in result.stderr


def test_a_crash_is_noticed_at_once(pbx: Asterisk, timeline: Timeline, kind: PbxKind) -> None:
    since = timeline.mark()
    the_runtime(kind).call("kill", "--signal", "KILL", pbx._name)
    stopped = timeline.wait_for(PbxStopped, within=3.0, since=since)
    assert not stopped.asked
    assert not pbx.running
    with pytest.raises(BenchFault, match="Asterisk is not running") as fault:
        pbx.contacts("201")
    assert "asterisk.log" in fault.value.hint
    with pytest.raises(BenchFault, match="Asterisk is not running"):
        pbx.console()
    pbx.stop()
    assert timeline.events(PbxStopped) == [stopped]


def test_the_console_dying_is_a_fault_not_a_hang(pbx: Asterisk) -> None:
    with pbx.console() as console:
        assert console.run("core show version").startswith("Asterisk ")
        pbx.stop()
        with pytest.raises(BenchFault, match="console ended while asked to 'core show uptime'"):
            console.run("core show uptime")


def test_console_answers_stay_whole_among_log_lines(pbx: Asterisk, phone: RawPhone) -> None:
    stop = threading.Event()

    def chatter() -> None:
        while not stop.is_set():
            pbx.command(f"module reload {pbx.driver.module}")

    noise = threading.Thread(target=chatter)
    noise.start()
    try:
        with pbx.console() as console:
            plain = console.run("core show version")
            assert plain.startswith("Asterisk ")
            for _ in range(30):
                assert console.run("core show version") == plain
                assert console.run("core show channels concise") == ""
    finally:
        stop.set()
        noise.join()


@pytest.mark.parametrize("protocol", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_sip_port_taken(make_pbx: Callable[..., Asterisk], protocol: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, protocol) as holder:
        holder.bind(PBX)
        if protocol == socket.SOCK_STREAM:
            holder.listen()
        pbx = make_pbx()
        with pytest.raises(BenchFault, match=r"SIP port 127\.43\.4\.2:5060/\w+ is taken") as fault:
            pbx.start()
    assert "Address already in use" in fault.value.state
    assert "ss -lntup" in fault.value.hint
    assert not pbx.running


def test_manager_port_taken(make_pbx: Callable[..., Asterisk], timeline: Timeline) -> None:
    with socket.create_server(("127.43.4.2", 5038)):
        pbx = make_pbx()
        began = time.monotonic()
        with pytest.raises(BenchFault, match=r"manager port 127\.43\.4\.2:5038 is taken") as fault:
            pbx.start()
    assert time.monotonic() - began < 5.0
    assert "ss -lntup" in fault.value.hint
    assert timeline.events(PbxStarted) == []


def test_two_at_once_on_their_own_addresses(
    pbx: Asterisk, make_pbx: Callable[..., Asterisk], phone: RawPhone, timeline: Timeline
) -> None:
    other = make_pbx("127.43.4.3")
    other.start()
    phone.register()
    timeline.wait_for(Registered, within=3.0)
    assert len(pbx.contacts("201")) == 1
    assert other.contacts("201") == []
    other.stop()
    assert pbx.running
    assert len(pbx.contacts("201")) == 1


@on_22
def test_a_refused_configuration_is_one_sentence(
    make_pbx: Callable[..., Asterisk],
) -> None:
    pbx = make_pbx(endpoints=(Endpoint("201", "x", codecs=("no-such-codec",), kind="phone"),))
    with pytest.raises(BenchFault, match=r"pjsip\.conf was refused for 201") as fault:
        pbx.start()
    assert "no-such-codec" in fault.value.state


@on_22
def test_missing_image_says_how_to_get_it(make_pbx: Callable[..., Asterisk]) -> None:
    with pytest.raises(BenchFault, match="image localhost/no-such:1 is missing") as fault:
        ContainerRuntime.probe("localhost/no-such:1")
    assert fault.value.hint == "build it: make image"


@on_22
def test_container_of_a_killed_harness_is_swept_away(
    make_pbx: Callable[..., Asterisk], tmp_path: Path
) -> None:
    program = f"""
import os, sys, signal
from ipaddress import IPv4Address
from pathlib import Path
from harness.lab import PbxSpec
from harness.pbx import Asterisk, Endpoint
from harness.timeline import Timeline
pbx = Asterisk(PbxSpec(address=IPv4Address("127.43.4.2")), [Endpoint("201", "x")],
               Timeline().observer("pbx"), Path({str(tmp_path / "killed")!r}))
pbx.start()
print(pbx._name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    orphan = killed.stdout.strip()
    assert orphan in running_containers()
    pbx = make_pbx()
    pbx.start()
    assert orphan not in running_containers()
