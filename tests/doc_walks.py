"""How each command of the documentation is run by a test, or why it cannot be.

A page with commands is in `WALKS`: tests/integration/docs types its commands into a copy of the
project, in the page's order. What cannot be run there is in `EXCUSED`, with the reason. A unit
test demands that nothing is in neither, and that no excuse outlives its command.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from harness.provisioning import load_manifest, make_up
from tools.doc_pages import ROOT

__all__ = ["EXCUSED", "WALKS", "Excuse", "Page", "Why"]


class Why(StrEnum):
    """Why a command is not typed by a test."""

    HARDWARE = "it needs a device that is not here"
    CI = "it is the main job, the test command, or a night like the one that it runs"
    INSTALLS = "it installs, which the main job does"
    SYSTEMD = "it needs systemd as the machine's first process"
    PERSON = "it waits for a person at a terminal"
    ELSEWHERE = "another test runs it"


@dataclass(frozen=True)
class Excuse:
    """A command of a page that no walk types; ``by`` is the test that runs it all the same."""

    why: Why
    by: str = ""


@dataclass(frozen=True)
class Page:
    """What a page takes for granted, and how its commands end.

    ``names`` are what the reader has instead, typed and shown; ``{here}`` in a value is a folder
    of the walk's own. ``codes`` are exit codes that are not 0. ``until`` is for commands that end
    by Ctrl-C: typed when the text shows. ``before`` is done by hand just before a command.
    """

    name: str
    names: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    until: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)


def _misspell(project: Path) -> None:
    """The change that the page lets its reader make in an editor."""
    template = project / "configs" / "templates" / "SEP.cnf.xml.j2"
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace("{{ preferred_codec }}", "g722a"), encoding="utf-8")


def _site_files(project: Path) -> None:
    """Asterisk's file as a night had it, and a DHCP server's; the TFTP folder was rendered."""
    (asterisk,) = (project / "runs" / "latest" / "pbx").rglob("pjsip.conf")
    shutil.copy(asterisk, project.parent / "pjsip.conf")
    words = [sys.executable, "-m", "harness.cli", "dhcp", "isc"]
    told = subprocess.run(words, cwd=project, check=True, capture_output=True)
    (project.parent / "dhcpd.conf").write_bytes(told.stdout)


def _release(project: Path) -> None:
    """What Cisco's zip is unpacked to; of the twins' own images, as the page makes them below."""
    make_up(load_manifest("SIP42.9-4-2SR3-1S"), project.parent / "release")


def _logs(project: Path) -> None:
    """A server's log and a console to follow."""
    for name in ("daemon.log", "console.log"):
        (project.parent / name).touch()


def _twins(project: Path) -> None:
    """The bench that the page has built by then, of twins; its one phone is the page's."""
    text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    power = "driver: snmp\n    mib: apc-rpdu2\n    credentials: {community: PDU_1_COMMUNITY}"
    text = text.replace("driver: scpi", power).replace("desk-7942", "rack-7942")
    one_phone = text.replace("    draw_a:", "    # draw_a:").partition("  desk-7962:")[0]
    (project / "lab.yaml").write_text(one_phone, encoding="utf-8")
    # As the page says in its text; the twin's community.
    with (project.parent / "exported").open("a", encoding="utf-8") as exported:
        exported.write("export PDU_1_COMMUNITY=private\n")


_HOW_TO = "docs/how-to"
_TUTORIAL = "docs/tutorial/virtual-bench-in-ten-minutes.md"
_BOXES = f"{_HOW_TO}/from-boxes-to-the-first-green-night.md"
_CONFERENCE = 'harness repro "I press Conf a second time and it gives an error"'
_FOLLOW = 'harness watch --interface eth1 --log /var/log/daemon.log --run "asterisk -rvvvvvv"'

#: Pages by the copy of the project they share, in order: what one leaves, the next finds.
WALKS: dict[str, tuple[Page, ...]] = {
    "tutorial": (
        Page(_TUTORIAL, codes={"harness lint configs/templates": 1, "harness validate": 1}),
    ),
    "by hand": (
        Page(
            "README.md",
            names={
                "DIR": "{here}/release",
                "TEST": "phone_sends_all",
                "OLD": "configs/templates",
                "NEW": "configs/templates",
                "FOLDER": "runs/latest",
                "/tmp/tftp": "{here}/tftp",
            },
            before={"harness firmware verify DIR": _release},
            until={
                "harness serve": "Ctrl-C ends it",
                "harness watch --interface eth1": "following eth1",
            },
        ),
        Page(
            f"{_HOW_TO}/new-firmware.md",
            names={
                "DIR": "{here}/release",
                "/tmp/release": "{here}/made-up",
                "FROM TO": "8.3.1 9.4.2SR3",
            },
        ),
        Page(
            f"{_HOW_TO}/read-the-morning-table.md",
            names={
                "TEST": "phone_sends_all",
                "NIGHT [NIGHT]": "latest latest",
                # The night of the walk has calls, and no boot.
                "boot_s": "mos",
                "runs/RUN...": "runs/latest",
            },
        ),
        Page(
            f"{_HOW_TO}/diagnose-a-report.md",
            names={
                "FOLDER": "runs/latest",
                "/var/log/daemon.log": "{here}/daemon.log",
                "asterisk -rvvvvvv": "tail -F {here}/console.log",
            },
            before={_FOLLOW: _logs},
            until={_FOLLOW: "following eth1"},
        ),
        Page(
            f"{_HOW_TO}/send-evidence.md",
            names={"20261125-020000-lab-asterisk22": "latest", "attended_transfer": "digits"},
        ),
        Page(
            f"{_HOW_TO}/validate-a-template-change.md",
            names={
                "/srv/tftp": "{here}/tftp",
                "/tmp/tftp": "{here}/tftp",
                "/tmp/before": "{here}/before",
                "/etc/asterisk/pjsip.conf": "{here}/pjsip.conf",
                "/etc/dhcp/dhcpd.conf": "{here}/dhcpd.conf",
            },
            before={
                "harness lint configs/templates": _misspell,
                "harness lint /srv/tftp /etc/asterisk/pjsip.conf /etc/dhcp/dhcpd.conf": _site_files,
            },
            codes={
                "harness lint configs/templates": 1,
                "harness lint --installed SIP42.8-3-1S /srv/tftp": 1,
                "harness lint --format sarif configs/templates > lint.sarif": 1,
                "harness diff /tmp/before/configs/templates configs/templates": 1,
            },
        ),
    ),
    "no bench": (
        Page(f"{_HOW_TO}/add-a-lint-rule.md"),
        Page(f"{_HOW_TO}/add-a-pdu.md", names={"<name>": "tasmota"}),
        Page(f"{_HOW_TO}/add-a-phone-model.md", names={"/tmp/tftp": "{here}/tftp"}),
        Page(f"{_HOW_TO}/recover-a-bench.md"),
        Page(f"{_HOW_TO}/run-dhcp.md"),
        Page(f"{_HOW_TO}/test-phones-in-parallel.md"),
        Page(
            f"{_HOW_TO}/share-a-bench.md",
            # Nobody holds it here.
            codes={
                "harness lock release desk-7942": 2,
                "harness lock release desk-7942 --force": 2,
            },
        ),
        Page(f"{_HOW_TO}/watch-a-night.md", until={"harness serve": "Ctrl-C ends it"}),
        Page(f"{_HOW_TO}/write-a-scenario.md"),
        Page(
            _BOXES,
            names={"(snmp): APC Web/SNMP Management Card": "(virtual): Phone Bench Virtual PDU"},
            before={"harness doctor (4. Power)": _twins},
            codes={"harness doctor (3. Network)": 3},
        ),
    ),
}

_CI = Excuse(Why.CI)
_PERSON = Excuse(Why.PERSON)
_SYSTEMD = Excuse(Why.SYSTEMD)
_RECIPES = Excuse(Why.ELSEWHERE, "tests/integration/docs/test_recipes.py")
_RELEASE = Excuse(Why.ELSEWHERE, "tests/integration/runs/test_new_release.py")
_GANTRY = Excuse(Why.ELSEWHERE, "tests/integration/keypad/test_gantry_night.py")
_BUNDLE = Excuse(Why.ELSEWHERE, "tests/integration/evidence/test_evidence_of_a_night.py")
_KILLED = Excuse(Why.ELSEWHERE, "tests/integration/surviving/test_killed_nights.py")
_LOCKS = Excuse(Why.ELSEWHERE, "tests/integration/lab/test_two_harnesses.py")
_PARALLEL = Excuse(Why.ELSEWHERE, "tests/integration/parallel/test_parallel_nights.py")
_PLACES = Excuse(Why.ELSEWHERE, "tests/integration/places")
_REFERENCE = Excuse(Why.ELSEWHERE, "tests/unit/docs/test_reference_pages.py")
_SCENARIOS = Excuse(Why.ELSEWHERE, "tests/integration/reproduction/test_reproductions.py")
_VALIDATED = Excuse(Why.ELSEWHERE, "tests/integration/preflight/test_template_mistakes.py")
_COMPARED = Excuse(Why.ELSEWHERE, "tests/integration/drift")

#: By page and command as it stands there, with its section in brackets when only there.
EXCUSED: dict[str, dict[str, Excuse]] = {
    "README.md": {
        "make nightly": _CI,
        "make test": _CI,
        "make bench": Excuse(Why.ELSEWHERE, "tests/unit/bench"),
        "harness twin compare evidence.zip": _COMPARED,
        "harness nightly --resume": _KILLED,
        "harness nightly --parallel auto": _PARALLEL,
        "harness nightly --firmware DIR": _RELEASE,
        "harness validate --from HEAD": _VALIDATED,
    },
    _TUTORIAL: {"make nightly": _CI},
    f"{_HOW_TO}/add-a-lint-rule.md": {"make reference": _REFERENCE},
    f"{_HOW_TO}/compare-with-the-twin.md": {
        "harness evidence export": _COMPARED,
        "harness twin compare evidence-RUN.zip": _COMPARED,
        "harness twin compare evidence-RUN.zip --confirm": _COMPARED,
        "make reference": _REFERENCE,
    },
    f"{_HOW_TO}/add-a-phone-model.md": {
        "make reference": _REFERENCE,
        "harness nightly --phones NAME": _CI,
    },
    f"{_HOW_TO}/choose-a-pbx.md": {
        "make nightly PBX=asterisk16": _CI,
        "harness nightly --pbx both": _CI,
        "pytest --pbx asterisk16 tests": Excuse(
            Why.ELSEWHERE, "tests/integration/pbx/test_conference_key_live.py"
        ),
    },
    f"{_HOW_TO}/new-firmware.md": {
        "harness nightly --firmware DIR": _RELEASE,
        "harness nightly --firmware /tmp/release": _RELEASE,
    },
    f"{_HOW_TO}/recover-a-bench.md": {
        "harness nightly --resume": _KILLED,
        "harness nightly --resume 20261125-010000-rack-1-asterisk22": _KILLED,
    },
    f"{_HOW_TO}/run-dhcp.md": {
        "harness nightly --lab lab.namespace.yaml": Excuse(
            Why.ELSEWHERE, "tests/integration/provisioning/test_boot_by_dhcp.py"
        ),
        "ip netns exec phone-bench-… tcpdump -ni phones port 67 or port 68": _PERSON,
    },
    f"{_HOW_TO}/run-nightly-in-ci.md": {
        "harness nightly --plain": _RECIPES,
        'for release in /srv/firmware/*; do harness nightly --plain --firmware "$release"; done': (
            _RECIPES
        ),
        "make -C /srv/phone-bench install": _CI,
        "install -D -m 600 /dev/null /etc/phone-bench/night.env": _SYSTEMD,
        "cp configs/systemd/phone-bench-* /etc/systemd/system/": _SYSTEMD,
        "systemctl daemon-reload": _SYSTEMD,
        "systemctl enable --now phone-bench-nightly.timer": _SYSTEMD,
        "systemctl start --no-block phone-bench-nightly": _SYSTEMD,
        "journalctl -fu phone-bench-nightly": _SYSTEMD,
        "systemctl list-timers phone-bench-nightly.timer": _SYSTEMD,
    },
    f"{_HOW_TO}/send-evidence.md": {"harness repro case.zip": _BUNDLE},
    f"{_HOW_TO}/share-a-bench.md": {
        "harness nightly --wait 7200": _LOCKS,
        "harness phone desk-7942 reset --wait 600": _LOCKS,
        "python -m pytest --bench-wait 600": _LOCKS,
    },
    f"{_HOW_TO}/use-remote-benches.md": {
        "python3 -m venv ~/labgrid && ~/labgrid/bin/pip install labgrid": Excuse(Why.INSTALLS),
        "~/labgrid/bin/labgrid-coordinator": _PLACES,
        "apt-get install ser2net": Excuse(Why.INSTALLS),
        "~/labgrid/bin/labgrid-exporter --coordinator lab-server --name rack-b exporter.yaml": (
            _PLACES
        ),
        "~/labgrid/bin/labgrid-client -x lab-server -p desk-1 create": _PLACES,
        '~/labgrid/bin/labgrid-client -x lab-server -p desk-1 add-match "rack-b/desk-1/*"': _PLACES,
        "~/labgrid/bin/labgrid-client -x lab-server -p desk-1 show": _PLACES,
        "harness doctor": _PLACES,
        "harness nightly --phones desk-b": _PLACES,
        "~/labgrid/bin/labgrid-client -x lab-server who": _PLACES,
        "~/labgrid/bin/labgrid-client -x lab-server places": _PLACES,
    },
    f"{_HOW_TO}/watch-a-night.md": {
        "ssh -L 8042:127.0.0.1:8042 bench": _PERSON,
        "harness serve --host 192.0.2.10 --name bench.example.net": Excuse(
            Why.ELSEWHERE, "tests/integration/station"
        ),
    },
    f"{_HOW_TO}/use-a-gantry.md": {
        "harness keypad calibrate keypad-1": _PERSON,
        "harness keypad calibrate gantry-1 --phone rack-7962": _PERSON,
        "harness keypad calibrate keypad-1 --points "
        "line1=-57,-39 1=-168,-165 speaker=-80,-207": _GANTRY,
        "harness keypad test rack-7942": _GANTRY,
    },
    f"{_HOW_TO}/validate-a-template-change.md": {"harness validate --from HEAD": _VALIDATED},
    f"{_HOW_TO}/write-a-scenario.md": {
        _CONFERENCE: Excuse(Why.ELSEWHERE, _TUTORIAL),
        "harness repro registering-force-rport": _SCENARIOS,
        "harness repro BUNDLE.zip": _BUNDLE,
    },
    "docs/reference/power.md": {
        "python3 -m venv ~/labgrid && ~/labgrid/bin/pip install labgrid": Excuse(Why.INSTALLS),
    },
    _BOXES: {
        "make nightly": _CI,
        "harness keypad calibrate gantry-1": _PERSON,
        "harness keypad test rack-7942": Excuse(Why.ELSEWHERE, "README.md"),
        # Of twins it has no load, and no web window to be seen.
        "harness doctor (6. The phone)": Excuse(Why.HARDWARE),
        "harness doctor && harness nightly --phones rack-7942": _CI,
    },
}
