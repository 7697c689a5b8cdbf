from __future__ import annotations

import pytest
from clues import PHONE, answer, configuration, digest, register, rules

from harness.diagnosis import Case, Clue, Confidence, diagnose
from harness.events import ConnectionRefused, FileRefused, FileServed, LogLine, StatusLogRead
from harness.evidence import HIDDEN, HIDDEN_LONG

SERVED = Clue("t", FileServed("SEP0024C4ABCDEF.cnf.xml", PHONE, 49200, 900, 2, 0, 0.1), 1.0)


def test_a_healthy_registration_shows_nothing() -> None:
    clues = [
        register(101), answer(401), register(102, authorization=digest("short7pw")),
        answer(200, 102),
    ]  # fmt: skip
    assert rules(*clues, files=configuration()) == {}


def test_answers_to_the_source_port() -> None:
    clues = [
        register(101, at=0), answer(401, 101, port=49194, at=0.1),
        register(102, at=4), answer(401, 102, port=49194, at=4.1),
    ]  # fmt: skip
    found = rules(*clues)
    assert list(found) == ["answer-to-source-port"]
    assert found["answer-to-source-port"].startswith("certain: ")
    assert "port of its Via, 5060" in found["answer-to-source-port"]


def test_each_request_sent_again_is_shown_with_its_own_answer() -> None:
    again = [clue for t in (0, 1) for clue in (register(101, at=t), answer(401, port=49194, at=t))]
    (found,) = diagnose(Case(again))
    assert [clue.time for clue in found.proof] == [0, 0, 1, 1]
    assert found.confidence is Confidence.CERTAIN
    once = [again[0], again[1], again[2]]
    assert rules(*once)["answer-to-source-port"].startswith("likely: ")


def test_a_phone_that_asked_for_rport_hears_the_answer() -> None:
    clues = [
        register(101, rport=True), answer(401, port=49194),
        register(102, rport=True, authorization=digest("x")), answer(200, 102, port=49194),
    ]  # fmt: skip
    assert rules(*clues) == {}


def test_a_phone_that_goes_on_with_credentials_heard_the_challenge() -> None:
    clues = [register(101), answer(401, port=49194), register(102, authorization=digest("x"))]
    assert "answer-to-source-port" not in rules(*clues)


def test_no_answer_at_all() -> None:
    clues = [register(101, at=t, server="10.0.0.1:5060") for t in (0, 0.5, 1.5)]
    assert rules(*clues)["no-answer"].startswith("likely: 3 REGISTER requests to 10.0.0.1:5060")


def test_no_answer_while_the_pbx_speaks_elsewhere_is_certain() -> None:
    clues = [register(101, at=t, server="10.0.0.1:5160") for t in (0, 0.5, 1.5)]
    other = [register(101, call="b@other"), answer(200, call="b@other")]
    assert "heard on 10.0.0.1:5060" in rules(*clues, *other)["no-answer"]


def test_one_register_without_an_answer_yet_is_no_failure() -> None:
    assert rules(register(101)) == {}


def test_the_password_the_phone_keeps_is_proven_by_the_digest() -> None:
    long = "a" * 36
    clues = []
    for n in (101, 103):
        clues += [register(n), answer(401, n), register(n + 1, authorization=digest("a" * 31))]
        clues += [answer(401, n + 1)]
    found = rules(*clues, files=configuration(long))["password-refused"]
    assert found.startswith("certain: ")
    assert "36 characters" in found
    assert "first 31" in found
    assert long not in found


def test_the_phones_own_password_refused_is_the_pbxs_mistake() -> None:
    clues = [register(102, authorization=digest("short7pw")), answer(401, 102)]
    found = rules(*clues, files=configuration())["password-refused"]
    assert "the PBX has another one" in found


def test_another_password_than_the_files_was_sent() -> None:
    clues = [register(102, authorization=digest("other")), answer(401, 102)]
    assert (
        "was not made with the password in"
        in rules(*clues, files=configuration())["password-refused"]
    )


def test_a_hidden_password_proves_nothing_but_that_it_was_too_long() -> None:
    """A bundle's files have their passwords hidden: no digest can be computed from that."""
    clues = [register(102, authorization=digest("short7pw")), answer(401, 102)]
    found = rules(*clues, files=configuration(HIDDEN))["password-refused"]
    assert "refuses the credentials" in found
    assert "was not made with" not in found
    found = rules(*clues, files=configuration(HIDDEN_LONG))["password-refused"]
    assert found.startswith("likely: ")
    assert "longer than the 31 characters" in found


def test_a_stale_nonce_is_no_refusal() -> None:
    stale = answer(401, 102)
    text = stale.event.text.replace("algorithm=MD5", "algorithm=MD5,stale=true")  # type: ignore[attr-defined]
    stale = Clue(stale.where, type(stale.event)(**{**stale.event.as_dict(), "text": text}))
    assert rules(register(102, authorization=digest("short7pw")), stale) == {}


def test_wrong_password_from_the_log_alone() -> None:
    line = "NOTICE[1]: Registration from '<sip:201@h>' failed for '10.0.0.42:5060' - Wrong password"
    clues = [Clue(f"full:{n}", LogLine("asterisk", line)) for n in (1, 2)]
    assert "password-refused" in rules(*clues)
    assert rules(clues[0]) == {}, "one wrong password may be a typing mistake"


def test_what_only_slows_a_boot_is_told_after_the_cause() -> None:
    line = "NOTICE[1]: Registration from '<sip:201@h>' failed for '10.0.0.42:5060' - Wrong password"
    locale = Clue("tftp", FileRefused("de/mk-sip.jar", PHONE, 49200, 1, "not found"))
    clues = [locale, *(Clue(f"full:{n}", LogLine("asterisk", line)) for n in (1, 2))]
    assert list(rules(*clues)) == ["password-refused", "locale-missing"]


def test_404_and_names_that_differ() -> None:
    clues = [register(101, user="1013", authorization=digest("x", "201")), answer(404)]
    found = rules(*clues)["unknown-user"]
    assert "404 to the registration of 1013" in found
    assert "authenticates itself as 201" in found


def test_another_name_is_told_also_where_the_pbx_says_401() -> None:
    clues = [register(102, authorization=digest("short7pw", "9201")), answer(401, 102)]
    found = rules(*clues, files=configuration())
    assert list(found) == ["unknown-user"]
    assert "authenticates itself as 9201" in found["unknown-user"]


@pytest.mark.parametrize("words", ["Username/auth name mismatch", "No matching peer found"])
def test_unknown_user_from_the_log_alone(words: str) -> None:
    line = f"NOTICE[1]: Registration from '<sip:201@h>' failed for '10.0.0.42:5060' - {words}"
    assert words in rules(Clue("full:1", LogLine("asterisk", line)))["unknown-user"]
    pjsip = line.replace("Registration from", "Request 'REGISTER' from")
    assert "unknown-user" in rules(Clue("full:1", LogLine("asterisk", pjsip)))
    scanner = pjsip.replace("REGISTER", "INVITE")
    assert rules(Clue("full:1", LogLine("asterisk", scanner))) == {}


def test_a_transport_refused() -> None:
    refused = [Clue("c", ConnectionRefused(f"{PHONE}:{port}", "10.0.0.1:5060")) for port in (1, 2)]
    assert rules(*refused)["transport-refused"].startswith("certain: ")
    assert rules(*refused, register(101), answer(200)) == {}, "it registers by UDP all the same"


def test_an_address_for_proxy_on_9x() -> None:
    found = rules(SERVED, files=configuration(proxy="10.0.0.1"))
    assert found["proxy-by-address"].startswith("certain: line/proxy is 10.0.0.1")
    assert rules(SERVED, files=configuration(proxy="10.0.0.1", load="SIP42.8-5-4S")) == {}
    later = [register(101, at=2.0), answer(200, at=2.1)]
    assert rules(SERVED, *later, files=configuration(proxy="10.0.0.1")) == {}, "it registered"


def test_unprovisioned() -> None:
    status = Clue("w", StatusLogRead("No Trust List Installed\nUnprovisioned"), device="desk")
    assert "unprovisioned" in rules(status)
    assert rules(Clue("w", StatusLogRead("No Trust List Installed"))) == {}
