"""What differs is told with its place and its row; what must differ is not told at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.drift import (
    ASPECTS,
    Comparison,
    Sight,
    Standing,
    Tolerance,
    compare,
    conduct,
    opened,
)
from harness.drift.replay import chosen_tests
from harness.events import FileRequested
from harness.runs import Verdict
from harness.virtual.fidelity import BEHAVIOURS
from tests.unit.drift.made_up_phone import TEST, boot, write_run

ROOT = Path(__file__).parents[3]
SUITE = "".join(
    path.read_text(encoding="utf-8") for path in (ROOT / "tests/regression").glob("*.py")
)


def seen(path: Path) -> list[Sight]:
    with opened([path]) as recording:
        return conduct(recording)


def standing(compared: Comparison, row: str) -> Standing:
    return next(each.standing for each in compared.rows if each.behaviour.key == row)


def test_another_address_time_and_die_are_no_difference(tmp_path: Path) -> None:
    phone = write_run(tmp_path / "a", boot("192.0.2.42", 1))
    twin = write_run(tmp_path / "b", boot("127.0.0.9", 2), label="virtual", speed=40)
    compared = compare(seen(phone), seen(twin), Tolerance())
    assert compared.differences == []
    assert compared.agreed > 15
    assert standing(compared, "boot-files") is Standing.AGREES
    assert standing(compared, "register-form") is Standing.AGREES
    assert standing(compared, "digits") is Standing.NOT_EXERCISED


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        ((50000, 50000, 50002), "a new one for each file"),
        ((50000, 50001, 50001), "a new one for each file"),
        ((50000, 50000, 50000), "the same for all"),
    ],
)
def test_a_port_drawn_twice_is_not_one_port_for_all(
    tmp_path: Path, ports: tuple[int, ...], told: str
) -> None:
    left = iter(ports)
    events = [
        replace(event, port=next(left)) if isinstance(event, FileRequested) else event
        for event in boot()
    ]
    sights = seen(write_run(tmp_path / "a", events))
    assert {sight.value for sight in sights if sight.aspect == "tftp.port"} == {told}


def test_each_difference_has_place_and_row(tmp_path: Path) -> None:
    phone = write_run(tmp_path / "a", boot(plan=False, without="Date", agent="9.4.2"))
    twin = write_run(tmp_path / "b", boot(seed=5), label="virtual", speed=40)
    compared = compare(seen(phone), seen(twin), Tolerance())
    told = {each.title: each for each in compared.differences}
    kind = "REGISTER of a boot, without credentials"
    assert set(told) == {
        "files asked for: boot by power",
        f"headers and their order: {kind}",
        f"value of a header: User-Agent of {kind}",
    }
    files = told["files asked for: boot by power"]
    assert files.phone == "CTLSEP<MAC>.tlv, SEP<MAC>.cnf.xml"
    assert files.twin == "CTLSEP<MAC>.tlv, SEP<MAC>.cnf.xml, dialplan.xml"
    assert files.places == ("timeline.jsonl line 3",)
    assert [row.key for row in files.behaviours] == ["boot-files"]
    headers = told[f"headers and their order: {kind}"]
    assert (headers.phone, headers.twin) == ("without Date", "with Date")
    assert standing(compared, "register-form") is Standing.DIFFERS
    assert standing(compared, "tftp-error") is Standing.AGREES


def test_what_the_twin_was_never_made_to_do_is_no_difference(tmp_path: Path) -> None:
    phone = write_run(tmp_path / "a", boot())
    twin = write_run(tmp_path / "b", boot()[-1:], label="virtual", speed=40)
    compared = compare(seen(phone), seen(twin), Tolerance())
    assert compared.differences == []
    assert "files asked for: boot by power" in compared.not_replayed
    assert standing(compared, "boot-files") is Standing.NOT_EXERCISED


def sight(aspect: str, value: str | float, *, subject: str = "", test: str = TEST) -> Sight:
    return Sight("desk", test if ASPECTS[aspect].per_test else "", aspect, subject, value, "here")


def test_a_test_that_failed_on_one_side_is_told_once(tmp_path: Path) -> None:
    """What it did not come to follows from that; what it did instead is told by itself."""
    phone = [
        sight("test.verdict", Verdict.PRODUCT_FAULT.value),
        sight("call.messages", "INVITE"),
        sight("call.messages", "603 INVITE"),
    ]
    twin = [
        sight("test.verdict", Verdict.PASSED.value),
        sight("call.messages", "INVITE"),
        sight("call.messages", "BYE"),
        sight("rtp.codec", "8"),
    ]
    compared = compare(phone, twin, Tolerance())
    told = {each.aspect: each for each in compared.differences}
    assert set(told) == {"test.verdict", "call.messages"}
    assert told["call.messages"].phone == "603 INVITE"
    assert told["test.verdict"].follows == ("BYE", "8")


def test_a_failed_test_contradicts_no_row_and_two_alike_confirm_none() -> None:
    name = "tests/regression/test_5.py::test_blind_transfer[desk]"
    failed = sight("test.verdict", Verdict.PRODUCT_FAULT.value, test=name)
    passed = sight("test.verdict", Verdict.PASSED.value, test=name)
    blind = sight("refer.transfer", "without Replaces", test=name)
    for phone, expected in ((failed, Standing.PARTLY), (passed, Standing.AGREES)):
        compared = compare([phone, blind], [passed, blind], Tolerance())
        assert standing(compared, "blind-transfer") is expected
    both = compare([failed], [failed], Tolerance())
    assert standing(both, "blind-transfer") is Standing.NOT_EXERCISED


def test_halves_of_two_phones_are_no_whole() -> None:
    name = sight("dhcp.name", "SEP<MAC>")
    asked = replace(sight("dhcp.asked", "1, 66"), phone="other")
    found = compare([name, asked], [name, asked], Tolerance())
    (row,) = (each for each in found.rows if each.behaviour.key == "dhcp-asked")
    assert (row.standing, row.phones) == (Standing.PARTLY, ("desk", "other"))
    both = [name, asked, replace(asked, phone="desk")]
    found = compare(both, both, Tolerance())
    (row,) = (each for each in found.rows if each.behaviour.key == "dhcp-asked")
    assert (row.standing, row.phones) == (Standing.AGREES, ("desk",))


def test_a_test_with_parameters_shows_a_row_when_all_of_them_end_alike() -> None:
    head = "tests/regression/test_1.py::test_power_cycle_boots_without_flashing_again"
    passed, failed = Verdict.PASSED.value, Verdict.PRODUCT_FAULT.value
    twin = [sight("test.verdict", passed, test=f"{head}[desk-{n}]") for n in range(2)]
    assert standing(compare(twin, twin, Tolerance()), "power-cut") is Standing.AGREES
    phone = [twin[0], replace(twin[1], value=failed)]
    assert standing(compare(phone, twin, Tolerance()), "power-cut") is Standing.NOT_EXERCISED


def test_what_no_test_shows_keeps_a_row_from_being_whole() -> None:
    name = "tests/regression/test_6.py::test_display_and_logs_can_be_read[desk]"
    passed = [sight("test.verdict", Verdict.PASSED.value, test=name)]
    found = compare(passed, passed, Tolerance())
    (row,) = (each for each in found.rows if each.behaviour.key == "screenshot")
    assert (row.standing, row.missing) == (Standing.PARTLY, ("unshown:size-and-formats",))


def test_a_load_named_by_the_phones_file_is_no_reset_and_no_locale_no_tones(
    tmp_path: Path,
) -> None:
    """Both flash; only the boot loader's own way shows what comes after a reset."""
    power, on, *rest = boot()
    for first, expected in (
        ("SIP42.9-3-1SR4-1S.loads", Standing.NOT_EXERCISED),
        ("term42.default.loads", Standing.AGREES),
    ):
        names = (first, "jar42sip.9-3-1.sbn")
        flash = [FileRequested(name, "192.0.2.42", 49000 + n) for n, name in enumerate(names)]
        sides = [
            seen(write_run(tmp_path / first / side, [power, on, *flash, *rest]))
            for side in ("a", "b")
        ]
        compared = compare(*sides, Tolerance())
        assert compared.differences == []
        assert standing(compared, "reset-files") is expected
        assert standing(compared, "tones-file") is Standing.NOT_EXERCISED


def test_the_same_in_several_messages_is_one_difference() -> None:
    def values(value: str) -> list[Sight]:
        return [
            sight("call.values", value, subject=f"User-Agent of {kind}")
            for kind in ("INVITE", "BYE", "ACK")
        ]

    (told,) = compare(values("new"), values("old"), Tolerance()).differences
    assert told.title == "value of a header: User-Agent of INVITE; BYE; ACK"


@pytest.mark.parametrize(
    ("aspect", "phone", "twin", "differs"),
    [
        # A device's 40 s are one second at speed 40, and the host takes up to another.
        ("reset.amber", 40.0, 1.3, False),
        ("reset.amber", 200.0, 1.3, True),
        ("reset.amber", 40.0, 4.0, True),
        ("sip.resend", 0.5, 0.5, False),
        ("sip.resend", 0.5, 1.0, True),
        ("sip.resend", 4.0, 4.9, False),
    ],
)
def test_times_by_the_clock_they_run_on(
    aspect: str, phone: float, twin: float, differs: bool
) -> None:
    compared = compare([sight(aspect, phone)], [sight(aspect, twin)], Tolerance(1.0, 40.0))
    assert bool(compared.differences) is differs


def test_times_of_an_unknown_clock_are_left_out() -> None:
    compared = compare(
        [sight("reset.amber", 1.0)], [sight("reset.amber", 900.0)], Tolerance(0.0, 40.0)
    )
    assert compared.differences == []
    assert compared.agreed == 0, "what is not compared is not the same either"


def test_rows_name_aspects_and_tests_that_are_there() -> None:
    assert len({each.key for each in BEHAVIOURS}) == len(BEHAVIOURS)
    for row in BEHAVIOURS:
        for aspect in row.aspects:
            name = aspect.removeprefix("test:")
            if aspect.startswith("unshown:"):
                assert len(row.aspects) > 1, f"{row.key}: nothing at all shows it"
            elif name == aspect:
                assert aspect in ASPECTS, row.key
            else:
                assert f"def {name}(" in SUITE, row.key


def test_a_capture_is_replayed_by_what_is_seen_in_it() -> None:
    sights = [
        sight("call.messages", "INVITE to hold", test=""),
        sight("boot.files", "x", subject="reset 3491672850*#"),
    ]
    chosen = chosen_tests(sights)
    assert chosen == [
        "test_power_cycle_boots_without_flashing_again",
        "test_format_code_wipes_everything",
        "test_hold_silences_and_resume_brings_both_back",
    ]
    assert all(f"def {name}(" in SUITE for name in chosen)
