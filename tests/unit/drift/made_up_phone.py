"""A phone that never was: what it says and asks, written as a run or as a timeline."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from harness.events import Event, FileRefused, FileRequested, PhoneStateChanged, SipMessage
from harness.runs import RunResult, TestResult, Verdict
from harness.timeline import Timeline

MAC, PBX = "0024C4ABCDEF", "192.0.2.2"
TEST = "tests/regression/test_2_registration.py::test_contact_is_the_phones_own_address[desk]"


def message(start: str, headers: Iterable[str], *, address: str, body: str = "") -> SipMessage:
    told = dict(line.split(": ", 1) for line in headers)
    text = "\r\n".join([start, *headers, "", body])
    return SipMessage(f"{address}:50123", f"{PBX}:5060", start, told["Call-ID"], told["CSeq"], text)


def register(address: str, seed: int, *, without: str = "", agent: str = "9.3.1") -> SipMessage:
    dice = random.Random(seed)
    tag = f"{MAC.lower()}{dice.randrange(16**12):012x}-{dice.randrange(16**8):08x}"
    headers = [
        f"Via: SIP/2.0/UDP {address}:5060;branch=z9hG4bK{dice.randrange(16**8):08x}",
        f"From: <sip:201@{PBX}>;tag={tag}",
        f"To: <sip:201@{PBX}>",
        f"Call-ID: 0024c4ab-cdef{dice.randrange(16**4):04x}-{dice.randrange(16**8):08x}@{address}",
        f"Date: Wed, 25 Nov 2026 04:{dice.randrange(10, 60)}:18 GMT",
        f"CSeq: {dice.randrange(100, 900)} REGISTER",
        f"User-Agent: Cisco-CP7942G/{agent}",
        f"Contact: <sip:201@{address}:5060;transport=udp>;"
        f'+sip.instance="<urn:uuid:00000000-0000-0000-0000-{MAC.lower()}>"',
        f'Reason: SIP;cause=200;text="cisco-alarm:25 Name=SEP{MAC} Load=SIP42.9-3-1SR4-1S Last=x"',
        "Expires: 3600",
    ]
    kept = [line for line in headers if not without or not line.startswith(f"{without}:")]
    return message(f"REGISTER sip:{PBX} SIP/2.0", kept, address=address)


def boot(address: str = "192.0.2.42", seed: int = 1, *, plan: bool = True, **how: str
         ) -> list[Event]:  # fmt: skip
    names = [f"CTLSEP{MAC}.tlv", f"SEP{MAC}.cnf.xml", *(["dialplan.xml"] if plan else [])]
    files: list[Event] = []
    for number, name in enumerate(names):
        files.append(FileRequested(name, address, 50000 + number))
        if name.endswith(".tlv"):
            files.append(FileRefused(name, address, 50000 + number, 1, "not found"))
    power = [PhoneStateChanged("OFF", "outlet off"), PhoneStateChanged("BOOTING", "outlet on")]
    return [*power, *files, register(address, seed, **how)]


def write_run(
    folder: Path,
    events: Iterable[Event],
    *,
    label: str = "hardware",
    verdict: Verdict = Verdict.PASSED,
    speed: float = 1.0,
) -> Path:
    folder.mkdir(parents=True)
    timeline = Timeline(folder / "timeline.jsonl")
    timeline.test = TEST
    for event in events:
        timeline.append(event, source="x", device="desk")
    timeline.close()
    run = RunResult(
        run_id=folder.name, lab="rack", started=1795581725.0, devices={"desk": label},
        directory=folder, pbx="asterisk22", speed=speed,
        facts={"desk": {"model": "7942G", "load": "SIP42.9-3-1SR4-1S", "templates": "abc"}},
    )  # fmt: skip
    result = TestResult(
        test=TEST, devices={"desk": label}, verdict=verdict, reason="", detail="",
        started=1.0, duration=1.0, first_record=0, last_record=99,
    )  # fmt: skip
    run.folder_of(TEST).mkdir(parents=True)
    run.add(result)
    return folder
