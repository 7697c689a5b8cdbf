"""Deliberate mistakes in a template: validate calls each "breaks", with the phone's symptom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.preflight import Outcome, Trial, Version, try_out, working_tree
from harness.preflight.validation import validate

ROOT = Path(__file__).parents[3]
SUITE = ROOT / "tests" / "regression"
LAB = """
name: preflight
network: {interface: lo, host: 127.51.0.1}
virtual: {speed: 40}
power: {pdu-1: {driver: scpi, address: virtual, outlets: 2}}
keypads: {keypad-1: {driver: matrix, port: virtual}}
pbx: {kind: asterisk22, image: "localhost/asterisk:22", address: 127.51.0.2}
peers:
  alice: {extension: "211", tone: 440, address: 127.51.0.3}
  bob: {extension: "212", tone: 620, address: 127.51.0.3}
phones:
  desk-7962:
    model: 7962G
    mac: 00:24:C4:AB:CD:F0
    address: 127.51.0.62
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{user: "201", label: "Desk 201"}, {user: "202", label: "Desk 202"}]
"""


@dataclass(frozen=True)
class Mistake:
    """What is replaced in the SEP template by what, and what the verdict must tell."""

    name: str
    old: str
    new: str
    says: str

    def __str__(self) -> str:
        return self.name


MISTAKES = [
    Mistake("address-for-proxy", "{{ line_proxy }}", "{{ pbx_address }}", "sent no REGISTER"),
    Mistake("end-tag", "</sipStack>", "</sipstack>", "Error(s) Parsing"),
    Mistake("lines-outside", "<sipLines>", "</sipProfile><sipLines>", "Unprovisioned"),
    Mistake("password", "{{ line.password }}", "{{ line.password }}" * 4, "401"),
    Mistake("port", "<sipPort>{{ pbx_port }}", "<sipPort>5160", "REGISTER"),
    Mistake("boolean", "<registerWithProxy>true", "<registerWithProxy>TRUE", "sent no REGISTER"),
    Mistake("feature", "<featureID>9", "<featureID>2", "Unprovisioned"),
    Mistake("dial-plan-case", "{{ dial_template }}", "DialPlan.xml", "DialPlan.xml"),
    Mistake("dtmf", "{{ dtmf_out_of_band }}", "none", "dtmf"),
    Mistake("load", "{{ load }}", "SIP42.9-9-9S", "SIP42.9-9-9S.loads"),
    Mistake("no-server", "{{ pbx_address }}", "", "REGISTER"),
]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Version:
    folder = tmp_path_factory.mktemp("old")
    (folder / "lab.yaml").write_text(LAB, encoding="utf-8")
    return _with_templates(folder, "", "")


def _with_templates(folder: Path, before: str, after: str) -> Version:
    """A folder with the shipped templates, changed; the lines after a moved end tag follow it."""
    templates = folder / "configs" / "templates"
    templates.mkdir(parents=True)
    for file in (ROOT / "configs" / "templates").iterdir():
        text = file.read_text(encoding="utf-8")
        if file.name == "SEP.cnf.xml.j2" and before:
            assert before in text
            text = text.replace(before, after)
            if after.startswith("</sipProfile>"):
                text = text.replace("</sipLines>", "</sipLines><sipProfile>")
        (templates / file.name).write_text(text, encoding="utf-8")
    return working_tree(folder / "lab.yaml")


@pytest.fixture(scope="module")
def baseline(old: Version, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A night of the version in use, with every test a mistake below fails; all pass."""
    said: list[str] = []
    directory = tmp_path_factory.mktemp("baseline")
    tests = "test_1 or test_2 or test_4"
    trial = try_out(old, ["desk-7962"], tests, directory, suite=SUITE, say=said.append)
    assert {str(each) for each in trial.verdicts.values()} == {"passed"}, "\n".join(said)
    return trial


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_called_breaks_with_its_symptom(
    mistake: Mistake, old: Version, baseline: Trial, tmp_path: Path
) -> None:
    (tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
    new = _with_templates(tmp_path, mistake.old, mistake.new)
    said: list[str] = []
    judgement = validate(
        old,
        new,
        tmp_path / "trial",
        suite=SUITE,
        say=said.append,
        baseline=baseline,
        max_failures=1,
    )
    told = "\n".join(said)
    assert judgement.outcome is Outcome.BREAKS, f"{judgement}\n{told}"
    assert mistake.says in str(judgement), judgement
    assert "(virtual) showed: " in str(judgement)
    assert all(report.is_file() for report in judgement.evidence)


def test_a_harmless_change_is_safe(old: Version, baseline: Trial, tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
    new = _with_templates(tmp_path, "{{ phone_label }}", "lobby")
    judgement = validate(old, new, tmp_path / "trial", suite=SUITE, say=print, baseline=baseline)
    assert judgement.outcome is Outcome.SAFE, judgement


def test_a_template_that_cannot_be_rendered_breaks(
    old: Version, baseline: Trial, tmp_path: Path
) -> None:
    (tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
    new = _with_templates(tmp_path, "{{ phone_label }}", "{{ phone_lable }}")
    judgement = validate(old, new, tmp_path / "trial", suite=SUITE, say=print, baseline=baseline)
    assert judgement.outcome is Outcome.BREAKS
    assert "phone_lable" in str(judgement)
