"""A peer and its process: what is said, and what happens when the process does not play along."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from agents import agent, ready

from harness.errors import BenchFault, HarnessError, ProductFault, UsageFault
from harness.events import CallStateChanged, DtmfHeard, Note, PartLost
from harness.sip import Peer, process
from harness.timeline import Timeline

MakePeer = Callable[[Sequence[str]], Peer]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakePeer]:
    made: list[Peer] = []

    def peer(command: Sequence[str]) -> Peer:
        observe = Timeline().observer("alice", "alice")
        registrar = ("127.0.0.1", 9)
        args = ("alice", "211", 440, "127.0.0.1", "pw", registrar, observe, tmp_path, 14000)
        made.append(Peer(*args, command=command))
        return made[-1]

    yield peer
    for one in made:
        one.stop()


ANSWER_ALL = 'done(m, call=1)\nif m["kind"] == "Dial":\n    '


def test_a_call_runs_through_its_states(make: MakePeer) -> None:
    alice = make(
        ready(ANSWER_ALL + 'call("calling"); call("ringing", 180); call("confirmed", 200)')
    )
    alice.start()
    assert alice.local == "127.0.0.1:5"
    call = alice.dial("201")
    call.wait_state("confirmed", within=2.0)
    call.wait_state("ringing", within=2.0)
    assert call.id == "alice#1/cid"
    states = [event.state for event in alice.timeline.events(CallStateChanged, device="alice")]
    assert states == ["calling", "ringing", "confirmed"]


def test_early_media_counts_as_ringing(make: MakePeer) -> None:
    alice = make(ready(ANSWER_ALL + 'call("early", 183)'))
    alice.start()
    alice.dial("201").wait_state("ringing", within=2.0)


def test_a_state_passed_by_is_told_at_once(make: MakePeer) -> None:
    alice = make(ready(ANSWER_ALL + 'call("ended", 404, "Not Found")'))
    alice.start()
    call = alice.dial("201")
    started = time.monotonic()
    with pytest.raises(ProductFault, match="ended without being confirmed: 404 Not Found"):
        call.wait_state("confirmed", within=5.0)
    assert time.monotonic() - started < 2.0


def test_a_state_that_does_not_come_is_the_product_s_fault(make: MakePeer) -> None:
    alice = make(ready(ANSWER_ALL + 'call("ringing", 180, "Ringing")'))
    alice.start()
    call = alice.dial("201")
    call.wait_state("ringing", within=2.0)
    with pytest.raises(ProductFault, match="alice: the call is not confirmed") as caught:
        call.wait_state("confirmed", within=0.05)
    assert "is ringing, last answer 180 Ringing" in caught.value.state


def test_digits_are_told_once_each_and_doubles_kept(make: MakePeer) -> None:
    digits = 'for d in "11#": say("DigitReported", call=1, digit=d, duration_ms=160)'
    alice = make(ready("done(m, call=1)\n" + digits))
    alice.start()
    heard = alice.dial("201").wait_dtmf(2, within=2.0, settle=1.0)
    assert "".join(event.digit for event in heard) == "11#"
    assert len(alice.timeline.events(DtmfHeard)) == 3


def test_a_refused_command_names_pjsua2_s_reason(make: MakePeer) -> None:
    alice = make(ready('done(m, fault="Invalid URI")'))
    alice.start()
    with pytest.raises(BenchFault, match="alice: pjsua2 refused Dial: Invalid URI"):
        alice.dial("201")


@pytest.mark.parametrize(
    ("end", "told"),
    [("os._exit(7)", "exit code 7"), ("os.kill(os.getpid(), 9)", "signal 9")],
    ids=["exit", "killed"],
)
def test_death_while_waiting_is_a_bench_fault_at_once(make: MakePeer, end: str, told: str) -> None:
    alice = make(ready(f"{ANSWER_ALL}call('calling'); {end}"))
    alice.start()
    call = alice.dial("201")
    started = time.monotonic()
    with pytest.raises(BenchFault, match=f"alice: its process is gone: {told}"):
        call.wait_state("confirmed", within=10.0)
    with pytest.raises(BenchFault, match=told):
        alice.wait_incoming(within=10.0)
    with pytest.raises(BenchFault, match=told):
        call.ear.wait_hears(set(), {"bob": 620}, 10.0)
    with pytest.raises(BenchFault, match=told):
        alice.dial("201")
    assert time.monotonic() - started < 3.0
    alice.stop()
    (lost,) = alice.timeline.events(PartLost)
    assert str(lost) == f"alice: its process is gone: {told}"
    with pytest.raises(BenchFault, match=told):
        alice.timeline.wait_for(Note, within=10.0, where=lambda event: "never" in event.text)


def test_a_peer_nobody_counts_on_dies_with_a_note_only(make: MakePeer) -> None:
    alice = make(ready("os._exit(3)"))
    alice.start()
    with pytest.raises(BenchFault, match="exit code 3"):
        alice.auto_answer(on=True)
    assert not alice.timeline.events(PartLost)
    alice.timeline.wait_for(Note, within=2.0, where=lambda event: "exit code 3" in event.text)


def test_a_process_that_hangs_is_ended_and_a_fresh_one_takes_its_place(
    make: MakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_HUNG_SECONDS", 0.2)
    hang = "done(m, call=1)\n"
    hang += 'say("RegistrationReported", code=200, reason="OK", expires=60)\n'
    hang += "import signal\n"
    hang += 'if m["kind"] == "Dial": say("Alive"); os.kill(os.getpid(), signal.SIGSTOP)'
    alice = make(ready(hang))
    alice.start()
    alice.needed = True
    first = alice.pid
    alice.dial("201")
    with pytest.raises(BenchFault, match="it hung: no sign of life"):
        alice.timeline.wait_for(Note, within=5.0, where=lambda event: "never" in event.text)
    alice.hang_up_all()
    alice.mend()
    assert alice.pid not in {None, first}
    assert not alice.timeline.lost()
    alice.set_codecs("PCMA")


def test_death_instead_of_an_answer_is_a_bench_fault(make: MakePeer) -> None:
    alice = make(ready("os._exit(3)"))
    alice.start()
    with pytest.raises(BenchFault, match="exit code 3"):
        alice.dial("201")


def test_a_silent_process_is_a_bench_fault(make: MakePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_ANSWER_SECONDS", 0.1)
    alice = make(ready("pass"))
    alice.start()
    with pytest.raises(BenchFault, match="alice: its process does not answer Dial"):
        alice.dial("201")


def test_rubbish_on_the_pipe_ends_the_peer(make: MakePeer) -> None:
    alice = make(ready('print("oops", flush=True)'))
    alice.start()
    with pytest.raises(BenchFault, match="not a message of a peer's pipe: b'oops"):
        alice.dial("201")


def test_a_process_that_cannot_start_gives_its_last_words(make: MakePeer) -> None:
    alice = make(agent('sys.exit("no such device")'))
    with pytest.raises(BenchFault, match="did not start: no such device"):
        alice.start()


@pytest.mark.parametrize(("usage", "fault"), [(True, UsageFault), (False, BenchFault)])
def test_a_process_may_say_why_it_is_unusable(
    make: MakePeer, usage: bool, fault: type[HarnessError]
) -> None:
    body = f'say("Unusable", summary="no pjsua2", expected="it", hint="pip install", usage={usage})'
    with pytest.raises(fault, match="alice: no pjsua2") as caught:
        make(agent(body)).start()
    assert caught.value.hint == "pip install"


def test_pjsua2_missing_is_the_user_s_to_mend(make: MakePeer, tmp_path: Path) -> None:
    (tmp_path / "pjsua2.py").write_text("raise ImportError('libcrypto is not here')")
    run = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from harness.softphone.__main__ import main; main()"
    )
    with pytest.raises(UsageFault, match="cannot be imported: libcrypto is not here") as caught:
        make((sys.executable, "-c", run)).start()
    assert "pip install pjsua2-python" in caught.value.hint


def test_stopping_is_quick_and_may_be_repeated(make: MakePeer) -> None:
    alice = make(ready("done(m)"))
    alice.start()
    started = time.monotonic()
    alice.stop()
    alice.stop()
    assert time.monotonic() - started < 1.0
    assert alice.pid is None
    with pytest.raises(BenchFault, match="gone"):
        alice.dial("201")
    assert "by itself" not in str(alice.timeline.events(Note)[-1])


def test_registration_refused_is_a_bench_fault(make: MakePeer) -> None:
    refuse = 'done(m); say("RegistrationReported", code=403, reason="Forbidden", expires=0)'
    alice = make(ready(refuse))
    alice.start()
    with pytest.raises(BenchFault, match="cannot register") as caught:
        alice.register(within=2.0)
    assert "403 Forbidden" in caught.value.state


def test_an_incoming_call_that_ended_is_not_handed_out(make: MakePeer) -> None:
    alice = make(ready('call("incoming"); call("ended", 487); call("incoming", number=2); done(m)'))
    alice.start()
    alice.auto_answer(False)
    assert alice.wait_incoming(within=2.0).number == 2
    with pytest.raises(ProductFault, match="alice: nobody called"):
        alice.wait_incoming(within=0.05)
