from __future__ import annotations

from clues import PHONE, rules

from harness.diagnosis import Clue
from harness.events import Event, FileRefused, FileRequested, FileServed, StatusLogRead

SEP = "SEP0024C4ABCDEF.cnf.xml"


def asked(name: str, at: float = 0.0) -> Clue:
    return Clue(f"tftp at {at}", FileRequested(name, PHONE, 49200), at)


def refused(name: str) -> Clue:
    return Clue("tftp", FileRefused(name, PHONE, 49200, 1, "not found"))


def served(name: str, at: float = 0.0) -> Clue:
    event: Event = FileServed(name, PHONE, 49200, 900, 2, 0, 0.1)
    return Clue(f"tftp at {at}", event, at)


def status(*lines: str) -> Clue:
    return Clue("web", StatusLogRead("\n".join(lines)), device="desk-7942")


def test_the_files_of_a_healthy_boot_show_nothing() -> None:
    clues = []
    for name in ("CTLSEP0024C4ABCDEF.tlv", "ITLSEP0024C4ABCDEF.tlv", "ITLFile.tlv"):
        clues += [asked(name), refused(name)]
    for name in (SEP, "de/mk-sip.jar", "dialplan.xml"):
        clues += [asked(name), served(name)]
    assert rules(*clues, status("No Trust List Installed", f"{SEP}(TFTP)")) == {}


def test_another_family() -> None:
    assert "wrong-family" in rules(asked("OS79XX.TXT"))
    assert "SIPDefault.cnf" in rules(asked("SIPDefault.cnf"))["wrong-family"]
    assert "wrong-family" in rules(status("Protocol Application Invalid"))
    assert rules(asked("SIP42.9-3-1SR4-1S.loads"), served("SIP42.9-3-1SR4-1S.loads")) == {}


def test_another_case() -> None:
    found = rules(asked("Jar42sip.x.sbn"), refused("Jar42sip.x.sbn"), served("jar42sip.x.sbn"))
    assert "the server has jar42sip.x.sbn" in found["file-case"]
    assert "file-case" not in rules(refused("jar42sip.y.sbn"), served("jar42sip.x.sbn"))


def test_a_locale_not_staged() -> None:
    found = rules(asked("/mk-sip.jar"), refused("/mk-sip.jar"))
    assert "/mk-sip.jar is not on the server" in found["locale-missing"]
    assert "locale-missing" in rules(status("Error Updating Locale"))
    assert rules(asked("de/mk-sip.jar"), served("de/mk-sip.jar")) == {}


def test_no_configuration() -> None:
    found = rules(asked(SEP), refused(SEP), served("XMLDefault.cnf.xml"))
    assert f"{SEP} is not on the server" in found["configuration-missing"]
    assert rules(refused(SEP), served(SEP)) == {}, "it was staged in the meantime"


def test_a_silent_server() -> None:
    ctl = [asked("CTLSEP0024C4ABCDEF.tlv", t) for t in (0, 4, 8)]
    assert "3 times from 10.0.0.42" in rules(*ctl)["tftp-silent"]
    assert rules(*ctl[:2]) == {}
    assert rules(*ctl, asked(SEP)) == {}, "it went on: it must have had an answer"
    assert rules(*ctl, refused("CTLSEP0024C4ABCDEF.tlv")) == {}


def test_a_file_not_parsed_tells_the_line() -> None:
    broken = b"<device>\n<sipStack></sipstack>\n</device>"
    found = rules(status(f"1 Error(s) Parsing: {SEP}"), files={SEP: broken})
    assert "line 2" in found["file-not-parsed"]
    assert rules(status("0 errors")) == {}


def test_a_load_not_newer() -> None:
    term = "term42.default.loads"
    pair = [asked(term, 0), served(term, 0.1), asked(term, 1), served(term, 1.1)]
    later = [asked(term, 181), served(term, 181.1), asked(term, 182), served(term, 182.1)]
    found = rules(*pair, *later)["load-not-newer"]
    assert found.startswith("certain: ")
    assert "again after 180 s" in found
    assert rules(*pair, served("jar42sip.9.sbn")) == {}, "it fetched images: it took the load"
    assert rules(asked(term), served(term)) == {}
    reset = [asked(term), asked("jar42sip.9.sbn")]
    assert rules(*reset, *reset) == {}, "atftpd and tftpd-hpa log what is asked for only"
    assert "load-not-newer" in rules(*reset, *pair, *later), "the load after that it did not take"
    missing = rules(asked(term), refused(term), asked(term), refused(term))
    assert "load-not-newer" not in missing
    assert "load-missing" in missing


def test_a_load_missing() -> None:
    found = rules(asked("SIP42.9-9-9S.loads"), refused("SIP42.9-9-9S.loads"))
    assert "SIP42.9-9-9S.loads is not on the server" in found["load-missing"]
    assert rules(served("SIP42.9-9-9S.loads")) == {}


def test_a_signature_refused() -> None:
    assert "signature-refused" in rules(status("Auth Fail : term41.default.loads"))
    assert rules(status("REG auth failed")) == {}
