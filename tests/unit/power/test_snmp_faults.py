"""Each way in which an SNMP agent can fail us ends in one clear sentence, in time."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from rig_snmp import Snmpsim, free_port, twin

from harness.errors import BenchFault, UsageFault
from harness.events import Note, OutletSwitched
from harness.lab import SnmpPowerSpec
from harness.power import OutletState, SwitchedOutlets, open_power
from harness.timeline import Timeline

Connect = Callable[..., SwitchedOutlets]


@pytest.fixture
def connect(timeline: Timeline) -> Iterator[Connect]:
    with ExitStack() as stack:

        def make(spec: SnmpPowerSpec, address: str = "", **changes: Any) -> SwitchedOutlets:
            given = spec.model_copy(update={"timeout_s": 0.3, "confirm_s": 0.5, **changes})
            power = open_power(given, "pdu-1", timeline.observer("pdu-1"), address)
            stack.callback(power.close)
            return power

        yield make


def entry(address: str, **values: Any) -> SnmpPowerSpec:
    return SnmpPowerSpec.model_validate(
        {
            "driver": "snmp",
            "mib": "apc-rpdu2",
            "address": address,
            "credentials": {"community": "PDU_COMMUNITY"},
            "outlets": 4,
            **values,
        }
    )


def test_nobody_there(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", "s3cret-community")
    began = time.monotonic()
    with pytest.raises(BenchFault, match="does not answer when asked who is there") as caught:
        connect(entry(f"127.54.1.2:{free_port()}"))
    assert time.monotonic() - began < 2.0
    assert caught.value.state == "never reached"
    assert "s3cret" not in str(caught.value)


def test_name_that_does_not_resolve(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", "x")
    with pytest.raises(BenchFault, match="cannot be asked") as caught:
        connect(entry("no.such.invalid"))
    assert "resolve" in caught.value.hint


@pytest.mark.parametrize("address", ["192.0.2.1:snmp", ":161", "192.0.2.1:70000"])
def test_address_that_is_none(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", "x")
    with pytest.raises(UsageFault, match="is no address of an SNMP agent"):
        connect(entry(address))


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00",
        b"\x30\x82\xff\xff",
        b"\xff" * 1400,
        bytes.fromhex("300c020101040561667465720201"),
        # A well-formed v2c response to a question nobody asked.
        bytes.fromhex(
            "302702010104017812a21c020400000001020100020100300e300c06082b060102010101000400"
        ),
    ],
    ids=["zero", "length", "ones", "cut", "stray"],
)
def test_garbage_datagrams_are_no_answer(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", "x")
    answered = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.54.1.2", 0))
        agent.settimeout(5.0)

        def talk() -> None:
            with contextlib.suppress(OSError):
                while True:
                    _, peer = agent.recvfrom(4096)
                    agent.sendto(answer, peer)
                    answered.set()

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(BenchFault) as caught:
            connect(entry(f"127.54.1.2:{agent.getsockname()[1]}"))
        assert time.monotonic() - began < 3.0
        assert answered.is_set()
        assert caught.value.device == "pdu-1"


def test_wrong_community_is_silence_and_the_hint_says_so(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", "wr0ng")
    with (
        twin({"mib": "apc-rpdu2"}) as (_, _world, address, _stop),
        pytest.raises(BenchFault, match="does not answer") as caught,
    ):
        connect(entry(address))
    assert "community" in caught.value.hint
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    ("user", "auth_key", "priv_key", "level"),
    [
        ("stranger", "twin-auth_key", "twin-priv_key", {}),
        ("twin-user", "wrong-auth-key", "twin-priv_key", {}),
        ("twin-user", "twin-auth_key", "unused", {"priv": "none"}),
        ("twin-user", "unused", "unused", {"priv": "none", "auth": "none"}),
    ],
)
def test_wrong_user_keys_or_level_are_told_apart_from_silence(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    user: str,
    auth_key: str,
    priv_key: str,
    level: dict[str, str],
) -> None:
    names = {"user": "U", "auth_key": "A", "priv_key": "P"}
    for name, value in zip("UAP", (user, auth_key, priv_key), strict=True):
        monkeypatch.setenv(name, value)
    with (
        twin({"mib": "apc-rpdu2", "version": "v3"}) as (_, _world, address, _stop),
        pytest.raises(UsageFault, match="does not let us in") as caught,
    ):
        connect(entry(address, version="v3", credentials=names, **level))
    for secret in (auth_key, priv_key):
        assert secret == "unused" or secret not in str(caught.value)


def test_credentials_without_what_the_version_needs(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", "x")
    with pytest.raises(UsageFault, match="credentials have no user"):
        connect(entry("192.0.2.1", version="v3"))


def test_silence_from_the_start(connect: Connect) -> None:
    log: list[str] = []
    with (
        twin({"mib": "raritan"}, {"silent": True}, log) as (spec, _, address, _stop),
        pytest.raises(BenchFault, match="does not answer"),
    ):
        connect(spec, address)
    assert "fault fired: pdu-1 silent: no answer" in log


def test_stuck_port_says_what_the_switch_says(connect: Connect) -> None:
    log: list[str] = []
    with twin({"mib": "poe"}, {"stuck": ["1"]}, log) as (spec, _, address, _stop):
        power = connect(spec, address)
        with pytest.raises(BenchFault, match="outlet 1 does not switch on") as caught:
            power.set("1", on=True)
    assert caught.value.state == "reads back off; the device says: disabled, power class 2"
    assert log == ["fault fired: pdu-1 stuck: outlet 1 does not go on"]


def test_enabled_port_that_finds_no_phone_is_no_success(connect: Connect) -> None:
    with twin({"mib": "poe"}) as (spec, world, address, _stop):
        power = connect(spec, address)
        with pytest.raises(BenchFault, match="nothing confirms it") as caught:
            power.set("2", on=True)
        assert world.outlet_is_on("pdu-1/2")
        assert power.state("2") is OutletState.UNKNOWN
        power.set("2", on=False)
        assert power.state("2") is OutletState.OFF
    assert "searching" in caught.value.state


def test_lying_pdu_is_found_out_by_its_meter(connect: Connect) -> None:
    log: list[str] = []
    with twin({"mib": "apc-rpdu2"}, {"lie": True}, log) as (spec, _, address, _stop):
        power = connect(spec, address, draw_a=0.05)
        with pytest.raises(BenchFault, match=r"reads back on but draws 0\.000 A"):
            power.set("1", on=True)
    assert any("lie" in line for line in log)


def test_lagging_pdu_is_waited_for(connect: Connect) -> None:
    log: list[str] = []
    with twin({"mib": "apc-rpdu"}, {"lag_s": 0.2}, log) as (spec, _, address, _stop):
        power = connect(spec, address, confirm_s=3.0)
        began = time.monotonic()
        power.set("1", on=True)
        assert 0.2 <= time.monotonic() - began < 2.0
        assert power.state("1") is OutletState.ON
    assert log == ["fault fired: pdu-1 lag_s: outlet 1 goes on in 0.2 s"]


@pytest.mark.parametrize("version", ["v2c", "v3"])
def test_lost_datagrams_are_survived(connect: Connect, timeline: Timeline, version: str) -> None:
    log: list[str] = []
    given = {"mib": "apc-rpdu2", "version": version}
    with twin(given, {"drop_after": 3}, log) as (spec, world, address, _stop):
        power = connect(spec, address, confirm_s=6.0)
        for on in (True, False, True, False, True):
            power.set("1", on=on)
            assert world.outlet_is_on("pdu-1/1") is on
    assert len(log) >= 3
    assert all("drop_after" in line for line in log)
    assert len(timeline.events(OutletSwitched)) == 5


def test_a_lost_command_is_sent_again_only_after_the_read_back(
    connect: Connect, timeline: Timeline
) -> None:
    # Request 1 asks who is there, 2 reads; the SET is the third.
    with twin({"mib": "apc-rpdu"}, {"drop_after": 2}) as (spec, world, address, _stop):
        connect(spec, address).set("1", on=True)
        assert world.outlet_is_on("pdu-1/1")
    told = [note.text for note in timeline.events(Note)]
    assert any("SET" in text and "timeout" in text for text in told)
    assert "outlet 1 on was lost; sent again" in told


APC2 = "1.3.6.1.4.1.318.1.1.26.9."


#: The state of outlet 1 as an agent should not give it, and what we say to that.
NONSENSE = {
    "missing": ([], "no outlet 1 in its apc-rpdu2 tables"),
    "text": ([f"{APC2}2.3.1.5.1|4|on"], "means nothing: 'on' for"),
    "address": ([f"{APC2}2.3.1.5.1|64|10.0.0.1"], "means nothing"),
    "oid": ([f"{APC2}2.3.1.5.1|6|1.3.6"], "means nothing: a ObjectIdentifier"),
}
READ_ONLY = [
    f"{APC2}2.3.1.5.1|2|1",
    f"{APC2}2.4.1.5.1|2:writecache|value=2,op=set,status=notwritable",
]
SECOND_GROUP = ["1.3.6.1.2.1.105.1.1.1.3.2.5|2|1", "1.3.6.1.2.1.105.1.1.1.6.2.5|2|3"]
#: One SNMPv3 user of snmpsim, by its options.
V3_USER = [
    *("--v3-user", "bench", "--v3-auth-key", "authauthauth", "--v3-auth-proto", "SHA"),
    *("--v3-priv-key", "privprivpriv", "--v3-priv-proto", "AES"),
]


def community(recording: str) -> str:
    return recording.replace(" ", "-")


@pytest.fixture(scope="module")
def snmpsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One agent with every recording, each under a community of its name."""
    recordings = {community(name): values for name, (_, values, _, _) in RECORDINGS.items()}
    recordings |= {name: values for name, (values, _) in NONSENSE.items()}
    recordings |= {"read-only": READ_ONLY, "second-group": SECOND_GROUP}
    agent = Snmpsim(tmp_path_factory.mktemp("agent"), recordings, V3_USER)
    yield agent.address
    agent.stop()


#: For each family the recorded values of outlet 3, and what they mean; none comes from the twin.
RECORDINGS = {
    "apc-rpdu on": ("apc-rpdu", ["1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.3|2|1"], "on", None),
    "apc-rpdu off": ("apc-rpdu", ["1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.3|2|2"], "off", None),
    "apc-rpdu2 on": ("apc-rpdu2", [f"{APC2}2.3.1.5.3|2|2", f"{APC2}4.3.1.6.3|2|4"], "on", 0.4),
    "apc-rpdu2 off": ("apc-rpdu2", [f"{APC2}2.3.1.5.3|2|1", f"{APC2}4.3.1.6.3|2|0"], "off", 0.0),
    "apc-rpdu2 without meter": ("apc-rpdu2", [f"{APC2}2.3.1.5.3|2|2"], "on", None),
    "raritan on": (
        "raritan",
        [
            "1.3.6.1.4.1.13742.6.4.1.2.1.3.1.3|2|7",
            "1.3.6.1.4.1.13742.6.5.4.3.1.4.1.3.1|66|131",
            "1.3.6.1.4.1.13742.6.3.5.4.1.7.1.3.1|66|3",
        ],
        "on",
        0.131,
    ),
    "raritan cycling": ("raritan", ["1.3.6.1.4.1.13742.6.4.1.2.1.3.1.3|2|9"], "unknown", None),
    "raritan-px1 on": (
        "raritan-px1",
        ["1.3.6.1.4.1.13742.4.1.2.2.1.3.3|2|1", "1.3.6.1.4.1.13742.4.1.2.2.1.4.3|66|122"],
        "on",
        0.122,
    ),
    "poe delivering": (
        "poe",
        ["1.3.6.1.2.1.105.1.1.1.3.1.3|2|1", "1.3.6.1.2.1.105.1.1.1.6.1.3|2|3"],
        "on",
        None,
    ),
    "poe searching": (
        "poe",
        ["1.3.6.1.2.1.105.1.1.1.3.1.3|2|1", "1.3.6.1.2.1.105.1.1.1.6.1.3|2|2"],
        "unknown",
        None,
    ),
    "poe disabled but still searching": (
        "poe",
        ["1.3.6.1.2.1.105.1.1.1.3.1.3|2|2", "1.3.6.1.2.1.105.1.1.1.6.1.3|2|2"],
        "off",
        None,
    ),
    "poe disabled but still delivering": (
        "poe",
        ["1.3.6.1.2.1.105.1.1.1.3.1.3|2|2", "1.3.6.1.2.1.105.1.1.1.6.1.3|2|3"],
        "on",
        None,
    ),
    "poe-cisco": (
        "poe-cisco",
        [
            "1.3.6.1.2.1.105.1.1.1.3.1.3|2|1",
            "1.3.6.1.2.1.105.1.1.1.6.1.3|2|3",
            "1.3.6.1.4.1.9.9.402.1.2.1.9.1.3|66|5760",
        ],
        "on",
        0.12,
    ),
}


@pytest.mark.parametrize("recording", RECORDINGS)
def test_recorded_agents_are_understood(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, snmpsim: str, recording: str
) -> None:
    mib, _, state, amperes = RECORDINGS[recording]
    monkeypatch.setenv("PDU_COMMUNITY", community(recording))
    power = connect(entry(snmpsim, mib=mib))
    assert power.identity == "snmpsim PDU, pdu-1"
    assert power.state("3") == state
    assert power.current("3") == (None if amperes is None else pytest.approx(amperes))


@pytest.mark.parametrize("kind", NONSENSE)
def test_values_that_are_missing_or_of_the_wrong_type(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, snmpsim: str, kind: str
) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", kind)
    power = connect(entry(snmpsim))
    with pytest.raises(BenchFault, match=NONSENSE[kind][1]) as caught:
        power.state("1")
    assert "mib in lab.yaml" in caught.value.hint


def test_an_agent_that_refuses_to_be_written(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, snmpsim: str
) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", "read-only")
    power = connect(entry(snmpsim))
    with pytest.raises(BenchFault, match="refuses when told to switch outlet 1: notWritable") as f:
        power.set("1", on=True)
    assert "write" in f.value.hint


def test_ports_of_a_second_group(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, snmpsim: str
) -> None:
    monkeypatch.setenv("PDU_COMMUNITY", "second-group")
    power = connect(entry(snmpsim, mib="poe", outlets=["2.5"]))
    assert power.state("2.5") is OutletState.ON


def test_v3_against_an_agent_that_is_not_ours(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, snmpsim: str
) -> None:
    names = {"user": "U", "auth_key": "A", "priv_key": "P"}
    for name, value in zip("UAP", ("bench", "authauthauth", "privprivpriv"), strict=True):
        monkeypatch.setenv(name, value)
    power = connect(entry(snmpsim, version="v3", credentials=names, context="apc-rpdu2-on"))
    assert power.state("3") is OutletState.ON
    monkeypatch.setenv("A", "another-key")
    with pytest.raises(UsageFault, match="does not let us in"):
        connect(entry(snmpsim, version="v3", credentials=names, context="apc-rpdu2-on"))
