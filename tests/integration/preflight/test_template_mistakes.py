"""Deliberate mistakes in a template: validate calls each "breaks", with the phone's symptom."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.lab import load_lab
from harness.preflight import Judgement, Outcome, Trial, Version, try_out, working_tree
from harness.preflight.validation import validate

ROOT = Path(__file__).parents[3]
SUITE = ROOT / "tests" / "regression"
#: Each mistake has a subnet of its own, so that several can be tried at once.
LAB = """
name: preflight
network: {interface: lo, host: 127.51.NET.1}
virtual: {speed: 40}
power: {pdu-1: {driver: scpi, address: virtual, outlets: 2}}
keypads: {keypad-1: {driver: matrix, port: virtual}}
pbx: {kind: asterisk22, image: "localhost/asterisk:22", address: 127.51.NET.2}
peers:
  alice: {extension: "211", tone: 440, address: 127.51.NET.3}
  bob: {extension: "212", tone: 620, address: 127.51.NET.3}
phones:
  desk-7962:
    model: 7962G
    mac: 00:24:C4:AB:CD:F0
    address: 127.51.NET.62
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
    Mistake(
        "password", "{{ line.password }}", "{{ line.password }}" * 4, "refused its registration"
    ),
    Mistake("port", "<sipPort>{{ pbx_port }}", "<sipPort>5160", "5160 has no answer"),
    Mistake("boolean", "<registerWithProxy>true", "<registerWithProxy>TRUE", "sent no REGISTER"),
    Mistake("feature", "<featureID>9", "<featureID>2", "Unprovisioned"),
    Mistake("dial-plan-case", "{{ dial_template }}", "DialPlan.xml", "asked for DialPlan.xml"),
    Mistake("dtmf", "{{ dtmf_out_of_band }}", "none", "'' == '0123456789*#ABCD'"),
    Mistake("load", "{{ load }}", "SIP42.9-9-9S", "asked for SIP42.9-9-9S.loads"),
    Mistake("no-server", "{{ pbx_address }}", "", ":5060 has no answer"),
]


#: Nearly all of a trial is waiting for what will never come; the machine has room for some more.
AT_ONCE = 4


def version(folder: Path, before: str = "", after: str = "", *, net: int = 0) -> Version:
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
    (folder / "lab.yaml").write_text(LAB.replace("NET", str(net)), encoding="utf-8")
    return working_tree(folder / "lab.yaml")


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A night of the version in use, with every test a mistake below fails; all pass."""
    said: list[str] = []
    folder = tmp_path_factory.mktemp("baseline")
    tests = "test_1 or test_2 or test_4"
    old = version(folder / "old")
    trial = try_out(old, ["desk-7962"], tests, folder / "trial", suite=SUITE, say=said.append)
    assert {str(each) for each in trial.verdicts.values()} == {"passed"}, "\n".join(said)
    return trial


def judged(mistake: Mistake, folder: Path, baseline: Trial) -> tuple[Judgement, str]:
    """Validate one mistake; also return what was said meanwhile."""
    net = 1 + MISTAKES.index(mistake)
    said: list[str] = []
    judgement = validate(
        version(folder / "old", net=net),
        version(folder / "new", mistake.old, mistake.new, net=net),
        folder / "trial",
        suite=SUITE,
        say=said.append,
        baseline=baseline,
        max_failures=1,
    )
    return judgement, "\n".join(said)


@pytest.fixture(scope="module")
def judgements(
    request: pytest.FixtureRequest, baseline: Trial, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[tuple[Judgement, str]]]]:
    """Every mistake that was asked for, being tried."""
    chosen = [
        mistake
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        for mistake in item.callspec.params.values()
        if isinstance(mistake, Mistake)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            str(each): pool.submit(judged, each, tmp_path_factory.mktemp(each.name), baseline)
            for each in chosen
        }


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_called_breaks_with_its_symptom(
    mistake: Mistake, judgements: dict[str, Future[tuple[Judgement, str]]]
) -> None:
    judgement, told = judgements[str(mistake)].result(timeout=300)
    assert judgement.outcome is Outcome.BREAKS, f"{judgement}\n{told}"
    # What lint expects does not count: the bench has to have seen it.
    seen = [reason for reason in judgement.reasons if not reason.startswith("lint ")]
    assert mistake.says in "\n".join(seen), judgement
    assert "(virtual) showed: " in str(judgement)
    assert all(report.is_file() for report in judgement.evidence)


def test_the_command_judges_a_commit_and_keeps_the_evidence(tmp_path: Path) -> None:
    """A harmless change against the last commit, both versions tried; as a user would ask."""
    version(tmp_path, net=50)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for step in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *step], check=True)
    template = tmp_path / "configs" / "templates" / "SEP.cnf.xml.j2"
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace("{{ phone_label }}", "lobby"), encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "validate", "--from", "HEAD"]
    done = subprocess.run(
        [*command, "--suite", str(SUITE)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdict, *reasons = done.stdout.splitlines()
    assert verdict == "verdict: safe"
    assert "3 tests passed as before" in reasons[0]
    assert "phone label: desk-7962 → lobby on 1 phone (7962G 1: SEP0024C4ABCDF0)" in done.stderr
    reports = [Path(line.removeprefix("evidence: ")) for line in reasons if "evidence: " in line]
    assert len(reports) == 2
    assert all((tmp_path / report).is_file() for report in reports)
    secrets = [secret.encode() for secret in load_lab(tmp_path / "lab.yaml").secrets()]
    kept = [file for file in (tmp_path / "runs").rglob("*") if file.is_file()]
    assert len(kept) > 10
    assert not [file for file in kept if any(secret in file.read_bytes() for secret in secrets)]


def test_a_template_that_cannot_be_rendered_breaks(tmp_path: Path) -> None:
    new = version(tmp_path / "new", "{{ phone_label }}", "{{ phone_lable }}")
    old = version(tmp_path / "old")
    judgement = validate(old, new, tmp_path / "trial", suite=SUITE, say=print)
    assert judgement.outcome is Outcome.BREAKS
    assert "phone_lable" in str(judgement)
    assert "SEP.cnf.xml.j2:" in str(judgement)
