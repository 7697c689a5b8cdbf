"""Each way in which a PDU can fail us ends in one clear sentence."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest
from scpi_peer import CLOSE, IDN, RESET, Say, ScriptedPdu, exchange

from harness.errors import BenchFault, UsageFault
from harness.events import Note, OutletRead, OutletSwitched
from harness.power import OutletState, SwitchedOutlets
from harness.timeline import Timeline

OFF, ON = exchange("OUTP1?", "0"), exchange("OUTP1?", "1")
TwinStarter = Callable[..., tuple[str, list[str]]]
Scpi = Callable[..., SwitchedOutlets]


def test_connection_refused(scpi: Scpi) -> None:
    with socket.create_server(("127.43.1.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(BenchFault, match=r"no connection.*refused") as caught:
        scpi(f"TCPIP0::127.43.1.1::{port}::SOCKET")
    assert caught.value.device == "pdu-1"
    assert caught.value.state == "never reached"
    assert "lab.yaml" in caught.value.hint


def test_name_that_does_not_resolve(scpi: Scpi) -> None:
    with pytest.raises(BenchFault, match=r"no connection to TCPIP0::no\.such\.invalid"):
        scpi("TCPIP0::no.such.invalid::5025::SOCKET")


@pytest.mark.parametrize(
    "address", ["nonsense", "192.0.2.1:5025", "", "TCPIP0::127.43.1.1::hislip0,x::INSTR"]
)
def test_address_that_is_no_resource_name(scpi: Scpi, address: str) -> None:
    with pytest.raises(UsageFault, match="is not a VISA resource name"):
        scpi(address)


def test_silence_from_the_start(scpi: Scpi, pdu_twin: TwinStarter) -> None:
    address, log = pdu_twin(silent=True)
    with pytest.raises(BenchFault, match="takes the connection but does not answer"):
        scpi(address)
    assert log == ["fault fired: pdu-1 silent: no answer"]


def test_silence_to_one_question(scpi: Scpi) -> None:
    silence = exchange("OUTP1?")
    with ScriptedPdu(
        [IDN, silence], [IDN, silence], [IDN, exchange("SYST:ERR?", '-113,"Undefined header"')]
    ) as peer:
        pdu = scpi(peer.address)
        with pytest.raises(BenchFault, match=r"answers \*IDN\? but not OUTP1\?") as caught:
            pdu.state("1")
        assert "Undefined header" in caught.value.state
        assert "dialect 'plain'" in caught.value.hint
        pdu.close()


def test_late_answer_is_not_taken_for_the_next_one(scpi: Scpi) -> None:
    # The old connection carries a "1" too late; the new one says the truth.
    with ScriptedPdu([IDN, exchange("OUTP1?")], [IDN, OFF]) as peer:
        pdu = scpi(peer.address)
        assert pdu.state("1") is OutletState.OFF
        pdu.close()


@pytest.mark.parametrize(
    "answer", [b"2\n", b"OUTP1?\n", b"\n", b"\xff\xfe1\n", b"1;1\n", b'0,"No error"\n']
)
def test_garbage(scpi: Scpi, answer: bytes) -> None:
    with ScriptedPdu([IDN, Say("OUTP1?", (answer,))], [IDN, ON]) as peer:
        pdu = scpi(peer.address)
        with pytest.raises(BenchFault, match=r"answers OUTP1\? with"):
            pdu.state("1")
        assert pdu.state("1") is OutletState.ON, "a new connection starts clean"
        pdu.close()


@pytest.mark.parametrize(
    ("answer", "amperes"), [("9.91E37", None), ("9.9E+37", None), ("inf", None)]
)
def test_scpi_says_it_cannot_measure(scpi: Scpi, answer: str, amperes: float | None) -> None:
    with ScriptedPdu([IDN, exchange("MEAS:CURR1?", answer)]) as peer:
        pdu = scpi(peer.address)
        assert pdu.current("1") is None
        pdu.close()


def test_garbage_for_amperes(scpi: Scpi) -> None:
    with ScriptedPdu([IDN, exchange("MEAS:CURR1?", "0.1A")]) as peer:
        pdu = scpi(peer.address)
        with pytest.raises(BenchFault, match=r"0\.1A"):
            pdu.current("1")
        pdu.close()


def test_answer_in_pieces_and_with_carriage_return(scpi: Scpi) -> None:
    pieces = (b"Maker,PD", b"U,1,1", b".0\r\n")
    with ScriptedPdu([Say("*IDN?", pieces), Say("OUTP1?", (b"1", b"\r", b"\n"))]) as peer:
        pdu = scpi(peer.address)
        assert pdu.identity == "Maker,PDU,1,1.0"
        assert pdu.state("1") is OutletState.ON
        pdu.close()


def test_stuck_outlet(scpi: Scpi, timeline: Timeline, pdu_twin: TwinStarter) -> None:
    address, log = pdu_twin(stuck=[1])
    pdu = scpi(address)
    with pytest.raises(BenchFault, match="outlet 1 does not switch on") as caught:
        pdu.set("1", on=True)
    assert caught.value.state == 'reads back off; error queue: 0,"No error"'
    assert log == ["fault fired: pdu-1 stuck: outlet 1 does not go on"]
    assert timeline.events(OutletSwitched) == []
    assert timeline.events(OutletRead) == [OutletRead(outlet="pdu-1/1", state="off")]
    pdu.set("2", on=True)
    pdu.close()


def test_lagging_outlet_is_waited_for(scpi: Scpi, pdu_twin: TwinStarter) -> None:
    address, log = pdu_twin(lag_s=0.2)
    pdu = scpi(address, confirm_s=2.0)
    began = time.monotonic()
    pdu.set("1", on=True)
    assert 0.2 <= time.monotonic() - began < 1.0
    assert pdu.state("1") is OutletState.ON
    assert log == ["fault fired: pdu-1 lag_s: outlet 1 goes on in 0.2 s"]
    pdu.close()


def test_lying_pdu_is_believed_but_its_amperes_tell(scpi: Scpi, pdu_twin: TwinStarter) -> None:
    address, log = pdu_twin(lie=True)
    pdu = scpi(address)
    pdu.set("1", on=True)
    assert pdu.state("1") is OutletState.ON
    assert pdu.current("1") == 0.0
    assert any("lie" in line for line in log)
    pdu.close()


@pytest.mark.parametrize("then", [CLOSE, RESET])
def test_connection_that_broke_while_idle_costs_no_command(
    scpi: Scpi, timeline: Timeline, then: object
) -> None:
    with ScriptedPdu(
        [exchange("*IDN?", "Maker,PDU,1,1.0", then=then)],
        [IDN, OFF, exchange("OUTP1 ON"), IDN, ON],
    ) as peer:
        pdu = scpi(peer.address)
        pdu.set("1", on=True)
        pdu.close()
    assert any("connecting again" in note.text for note in timeline.events(Note))


@pytest.mark.parametrize("then", [CLOSE, RESET])
def test_command_is_not_repeated_when_it_was_carried_out(scpi: Scpi, then: object) -> None:
    with ScriptedPdu([IDN, OFF, exchange("OUTP1 ON", then=then)], [IDN, ON]) as peer:
        pdu = scpi(peer.address)
        pdu.set("1", on=True)
        pdu.close()


def test_lost_command_is_repeated_only_after_the_read_back(scpi: Scpi, timeline: Timeline) -> None:
    with ScriptedPdu(
        [IDN, OFF, exchange("OUTP1 ON", then=CLOSE)],
        [IDN, OFF, exchange("OUTP1 ON"), IDN, ON],
    ) as peer:
        pdu = scpi(peer.address, confirm_s=0.0)
        pdu.set("1", on=True)
        pdu.close()
    assert any("was lost" in note.text for note in timeline.events(Note))


def test_connection_that_keeps_breaking(scpi: Scpi, pdu_twin: TwinStarter) -> None:
    address, log = pdu_twin(drop_after=1)
    pdu = scpi(address)
    with pytest.raises(BenchFault, match=r"OUTP1\?") as caught:
        pdu.set("1", on=True)
    assert caught.value.device == "pdu-1"
    assert len(log) >= 2
    assert all("drop_after" in line for line in log)
    pdu.close()


def test_connection_dropped_now_and_then_is_survived(scpi: Scpi, pdu_twin: TwinStarter) -> None:
    address, log = pdu_twin(drop_after=4)
    pdu = scpi(address)
    for on in (True, False, True):
        pdu.set("1", on=on)
    assert pdu.state("1") is OutletState.ON
    assert log
    pdu.close()


def test_another_device_after_reconnecting(scpi: Scpi) -> None:
    with ScriptedPdu(
        [IDN, exchange("OUTP1?", then=CLOSE)], [exchange("*IDN?", "Maker,PSU,7,1.0")]
    ) as peer:
        pdu = scpi(peer.address)
        with pytest.raises(BenchFault, match="another device answers") as caught:
            pdu.set("1", on=True)
        assert "Maker,PSU,7" in caught.value.state
        pdu.close()


def test_pdu_that_went_away(scpi: Scpi) -> None:
    with ScriptedPdu([exchange("*IDN?", "Maker,PDU,1,1.0", then=CLOSE)]) as peer:
        pdu = scpi(peer.address)
    with pytest.raises(BenchFault, match="refused") as caught:
        pdu.set("1", on=True)
    assert caught.value.state == "connected to Maker,PDU,1,1.0"
    pdu.close()


def test_use_after_close(scpi: Scpi, pdu_twin: TwinStarter) -> None:
    pdu = scpi(pdu_twin()[0])
    pdu.close()
    pdu.close()
    with pytest.raises(BenchFault, match="was closed"):
        pdu.state("1")


def test_threads_do_not_mix_their_answers(scpi: Scpi, pdu_twin: TwinStarter) -> None:
    pdu = scpi(pdu_twin()[0], timeout_s=2.0)
    wrong: list[str] = []

    def toggle(outlet: str) -> None:
        for on in (True, False) * 5:
            pdu.set(outlet, on=on)
            if pdu.state(outlet) is not (OutletState.ON if on else OutletState.OFF):
                wrong.append(outlet)

    threads = [threading.Thread(target=toggle, args=(str(n),)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10.0)
    assert wrong == []
    pdu.close()


def test_no_nagle_delay(scpi: Scpi, pdu_twin: TwinStarter) -> None:
    pdu = scpi(pdu_twin()[0], timeout_s=2.0)
    began = time.monotonic()
    for on in (True, False) * 10:
        pdu.set("1", on=on)
    assert time.monotonic() - began < 20 * 0.030, "44 ms each with Nagle's algorithm"
    pdu.close()
