"""Files a phone asks for: not there, not in that case, of another family, or never answered."""

from __future__ import annotations

from collections.abc import Iterator

from harness.diagnosis.case import Case, Clue, sep_name
from harness.diagnosis.diagnosis import Confidence, Diagnosis
from harness.diagnosis.rule import Rule
from harness.events import FileRefused, FileRequested, FileServed

__all__: list[str] = []

#: Tries of one file before a phone gives its lease back.
_TRIES = 3


class WrongFamily(Rule):
    """A 7940 or 7960: another family with another boot loader and other files."""

    id = "wrong-family"
    symptom = "Protocol Application Invalid, or the phone asks for SIPDefault.cnf"
    fix = (
        "a 7940/7960 takes P0S3-... images named in OS79XX.TXT, SIPDefault.cnf and SIP<MAC>.cnf; "
        "SEP<MAC>.cnf.xml and SIP42 loads are for 7942 and 7962 only"
    )
    source = "voip-info 'Cisco 7940/7960 firmware'; article, comments 2 and 10"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find its file names or its error text."""
        asked = case.asked(r"OS79XX\.TXT|SIPDefault\.cnf|SIP[0-9A-F]{12}\.cnf|P0S3.*|P003.*")
        said = case.lines(r"Protocol Application Invalid")
        if asked or said:
            names = sorted({event.name for _, event in asked})
            cause = (
                f"this is a 7940 or 7960: it asks for {', '.join(names)}"
                if names
                else (
                    "this is a 7940 or 7960 whose boot loader finds no application for its protocol"
                )
            )
            clues = [clue for clue, _ in said] + [clue for clue, _ in asked]
            yield self.found(cause, Confidence.CERTAIN, clues)


class OtherCase(Rule):
    """The file is there, in another case."""

    id = "file-case"
    symptom = "File Not Found, although the file is on the server; an upgrade stops"
    fix = "name the file exactly as the phone asks for it (or as its .loads file writes it)"
    source = "sysop.ca 7911 upgrade log: Jar11sip asked, jar11sip on disk"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find a refused name that was served, or is staged, in another case."""
        served = {event.name for _, event in case.of(FileServed)} | set(case.files.names)
        for clue, event in case.of(FileRefused):
            twin = next(
                (n for n in served if n.lower() == event.name.lower() and n != event.name), None
            )
            if twin is not None:
                yield self.found(
                    f"{event.name} was asked for, the server has {twin}",
                    Confidence.CERTAIN,
                    [clue],
                )


class LocaleMissing(Rule):
    """The locale's files are not staged."""

    id = "locale-missing"
    symptom = "Error Updating Locale, a slower boot, English texts and US tones"
    fix = (
        "stage mk-sip.jar and g3-tones.xml in the locale's folder, or empty userLocale and "
        "networkLocale; it does not keep the phone from registering"
    )
    source = "tftpd log of a 7942 with 9.4(2): refused, and registered all the same; comment 7"
    only_slows = True

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find the refusals or the phone's words."""
        refused = case.refused(r".*/mk-sip\.jar|.*/g3-tones\.xml")
        by_device: dict[str, list[Clue]] = {}
        for clue, _ in refused:
            by_device.setdefault(clue.device, []).append(clue)
        for device, clues in by_device.items():
            names = sorted({str(getattr(clue.event, "name", "")) for clue in clues})
            yield self.found(
                f"{', '.join(names)} is not on the server", Confidence.CERTAIN, clues, device=device
            )
        said = case.lines(r"Error Updating Locale", "phone")
        if said and not refused:
            yield self.found(
                "a file of the phone's locale is not on the server",
                Confidence.LIKELY,
                [clue for clue, _ in said],
            )


class ConfigurationMissing(Rule):
    """The phone's own file is not there; it takes XMLDefault."""

    id = "configuration-missing"
    symptom = "the phone registers by itself or not at all, with none of its settings"
    fix = "SEP, then the MAC in twelve upper-case digits, then .cnf.xml, in the root of the server"
    source = "Cisco admin guides: SEP<MAC>.cnf.xml, then XMLDefault.cnf.xml"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find a refused SEP file that was never served to that phone."""
        served = {event.name for _, event in case.of(FileServed)}
        refused = case.refused(r"SEP[0-9A-F]{12}\.cnf\.xml")
        for name in dict.fromkeys(event.name for _, event in refused):
            clues = [clue for clue, event in refused if event.name == name]
            if name not in served:
                near = sorted(n for n in case.files.names if n.lower() == name.lower())
                cause = f"{name} is not on the server"
                if near:
                    cause += f"; {near[0]} is, but names are case-sensitive"
                yield self.found(cause, Confidence.CERTAIN, clues, device=sep_name(name))


class ServerSilent(Rule):
    """Requests without any answer, not even "not found"."""

    id = "tftp-silent"
    symptom = "Configuring IP, over and over; the phone asks for CTLSEP... only"
    fix = (
        "let UDP 69 and the answers from high ports through the firewall, and start the TFTP "
        "server: an ERROR answer is fine, silence is not"
    )
    source = "7961 report: three tries of CTLSEP, then DHCP again, forever"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find a file asked for three times or more and never answered."""
        answered = {e.address for _, e in case.of(FileServed)}
        answered |= {e.address for _, e in case.of(FileRefused)}
        asked: dict[str, list[tuple[Clue, FileRequested]]] = {}
        for clue, event in case.asked(r"(CTL|ITL)?SEP.*|ITLFile\.tlv"):
            asked.setdefault(event.address, []).append((clue, event))
        for address, requests in asked.items():
            names = {event.name for _, event in requests}
            others = {e.name for _, e in case.of(FileRequested) if e.address == address} - names
            if len(requests) < _TRIES or len(names) > 1 or others or address in answered:
                continue
            yield self.found(
                f"{names.pop()} was asked for {len(requests)} times from {address}, and no answer "
                "reached the phone",
                # A server's log that tells requests only cannot show that answers were missing.
                Confidence.CERTAIN if answered else Confidence.LIKELY,
                [clue for clue, _ in requests],
            )


class NotParsed(Rule):
    """A file the phone fetched and could not read."""

    id = "file-not-parsed"
    symptom = "n Error(s) Parsing: <file> in the status messages"
    fix = "harness lint FILE names each fault of form with its line"
    source = "SIPCC phrase 1074"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find the phone's words."""
        lines = case.lines(r"Error\(s\) Parsing: ?(\S+)", "phone")
        for name in dict.fromkeys(match[1] for _, match in lines):
            form = [
                f"line {line}: {message}"
                for document in case.files.documents
                if document.name == name
                for line, message in document.form_errors
            ]
            yield self.found(
                f"{name} is not well formed" + (f" ({'; '.join(form[:3])})" if form else ""),
                Confidence.CERTAIN,
                [clue for clue, match in lines if match[1] == name],
            )
