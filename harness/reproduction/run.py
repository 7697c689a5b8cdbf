"""A scenario carried out: as the user had it, with the advice that does not help, and fixed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from pydantic import SecretStr

from harness.bench import Bench, open_bench
from harness.deadlines import Patience
from harness.diagnosis import Case, Clue, Confidence, Diagnosis, diagnose
from harness.diagnosis.reading import read_lines
from harness.errors import ProductFault, UsageFault
from harness.events import ConnectionRefused, Record, StatusLogRead, Waiting
from harness.evidence import recall, secrets_below
from harness.lab import Lab
from harness.phone.windows import keep_evidence
from harness.provisioning.lint import read_tree
from harness.reproduction.edits import apply
from harness.reproduction.hiding import hide_secrets
from harness.reproduction.scenario import Scenario, Side
from harness.reproduction.steps import Actor
from harness.timeline import Timeline

__all__ = ["Outcome", "Reproduction", "reproduce"]

_READ = {".xml", ".cnf", ".loads"}
_PBX_FILES = {"sip.conf", "pjsip.conf"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side came to."""

    name: str
    side: Side
    registered: bool
    diagnoses: tuple[Diagnosis, ...]
    fault: str
    folder: Path

    def shown(self, rule: str) -> Diagnosis | None:
        """Return the diagnosis of a rule, when it is at least likely."""
        return next(
            (
                each
                for each in self.diagnoses
                if each.rule == rule and each.confidence is not Confidence.POSSIBLE
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All sides of a scenario."""

    scenario: Scenario
    label: str
    broken: Outcome
    advice: tuple[Outcome, ...]
    fixed: Outcome | None

    @property
    def reproduced(self) -> bool:
        """Whether the failure came about as reported."""
        return self._fails(self.broken)

    @property
    def useless(self) -> tuple[Outcome, ...]:
        """The advice with which it fails all the same."""
        return tuple(each for each in self.advice if self._fails(each))

    @property
    def cured(self) -> bool:
        """Whether the fix makes it go away."""
        if self.fixed is None:
            return False
        expect = self.scenario.expect
        gone = not any(each.rule == expect.diagnosis for each in self.fixed.diagnoses)
        return gone and not self.fixed.fault and self.fixed.registered

    def _fails(self, outcome: Outcome) -> bool:
        expect = self.scenario.expect
        fits = expect.registered is None or outcome.registered == expect.registered
        return fits and outcome.shown(expect.diagnosis) is not None


def reproduce(
    scenario: Scenario,
    lab: Lab,
    directory: Path,
    *,
    say: Callable[[str], None],
    wait: float = 0.0,
) -> Reproduction:
    """Carry a scenario out on a lab's bench.

    Args:
        scenario: what was reported.
        lab: the inventory; the first phone of the scenario's model is used.
        directory: gets the evidence, a folder for each side.
        say: told what is going on.
        wait: seconds to wait in all for whoever uses the bench.

    Raises:
        UsageFault: the lab has no phone of that model, or an edit does not fit.
        BenchFault: the bench does not work.
    """
    name = next((n for n, spec in lab.phones.items() if spec.model == scenario.model), None)
    if name is None:
        raise UsageFault(
            f"scenario {scenario.name} needs a {scenario.model}, and the lab has none",
            hint="give a lab with one: --lab FILE",
        )

    patience = Patience(wait)

    def carry_out(title: str, side: Side) -> Outcome:
        say(f"{title}: {side.does}" if side.does else title)
        folder = directory / title.replace(" ", "-")
        return _carry_out(scenario, side, title, lab, name, folder, patience, say)

    broken = carry_out("as reported", scenario.broken)
    shown = broken.shown(scenario.expect.diagnosis) is not None
    advice = tuple(carry_out(f"advice {key}", side) for key, side in scenario.advice.items())
    fixed = carry_out("fixed", scenario.fixed) if shown else None
    return Reproduction(scenario, lab.label(name), broken, advice, fixed)


def _carry_out(
    scenario: Scenario,
    side: Side,
    title: str,
    lab: Lab,
    name: str,
    folder: Path,
    patience: Patience,
    say: Callable[[str], None],
) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    lab = _lab_for(scenario, side, lab, name)
    secrets = lab.secrets()
    try:
        return _on_bench(scenario, side, title, lab, name, folder, secrets, patience, say)
    finally:
        hide_secrets(folder, secrets)


def _on_bench(
    scenario: Scenario,
    side: Side,
    title: str,
    lab: Lab,
    name: str,
    folder: Path,
    secrets: set[str],
    patience: Patience,
    say: Callable[[str], None],
) -> Outcome:
    spec = lab.phones[name]
    line = spec.lines[0]
    words = {
        "phone": f"{spec.host_name}.cnf.xml",
        "user": line.user,
        "password": line.password.get_secret_value(),
        "pbx": str(lab.pbx.server),
    }

    def amend(root: Path) -> None:
        apply(side.pbx, root, words=words, beside=scenario.folder)

    def tell(record: Record) -> None:
        if isinstance(record.event, Waiting):
            say(str(record.event))

    fault, capture = "", folder / "capture.pcap"
    with ExitStack() as stack:
        timeline = stack.enter_context(closing(Timeline(folder / "timeline.jsonl")))
        timeline.listen(tell)
        opened = open_bench(lab, folder, timeline, amend_pbx=amend, wait=patience.left)
        bench = stack.enter_context(opened)
        apply(side.files, bench.provisioning.root, words=words, beside=scenario.folder)
        # With those of the files that the user sent.
        secrets |= bench.secrets() | secrets_below(bench.provisioning.root)

        def case() -> Case:
            return _case(bench, timeline, capture)

        def shows() -> bool:
            found = diagnose(case())
            return any(
                each.rule == scenario.expect.diagnosis and each.confidence is Confidence.CERTAIN
                for each in found
            )

        bench.capture.begin(capture)
        actor = Actor(bench, bench.phones[name], shows)
        try:
            for step in side.steps or scenario.steps:
                actor.do(step)
        except ProductFault as error:
            fault = str(error)
        bench.capture.end()
        text = keep_evidence(bench.phone_web(name), folder / name, secrets)
        timeline.append(StatusLogRead(text), source="web", device=name)
        diagnoses = tuple(diagnose(case()))
    return Outcome(title, side, actor.registered, diagnoses, fault, folder)


def _case(bench: Bench, timeline: Timeline, capture: Path) -> Case:
    """Everything seen, with the PBX's log and the files that were served."""
    root, pbx = bench.provisioning.root, bench.pbx.configuration
    files = [path for path in root.rglob("*") if path.suffix in _READ]
    files += [path for path in pbx.iterdir() if path.name in _PBX_FILES]
    case = Case.of_records(timeline.records(), read_tree(files))
    log = bench.pbx.log
    if log.exists():
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        case.clues += list(read_lines(lines, log.name))
    # Of the wire the timeline has all but what a live capture does not look for.
    if capture.exists():
        case.clues += [
            Clue(f"{capture.name} frame {seen.frame}", seen.event, seen.time)
            for seen in recall(capture)
            if isinstance(seen.event, ConnectionRefused)
        ]
    return case


def _lab_for(scenario: Scenario, side: Side, lab: Lab, name: str) -> Lab:
    """Return the lab with the scenario's phone alone, as this side has it."""
    spec = lab.phones[name]
    lines = spec.lines[:1]
    if side.password:
        password = {"password": SecretStr(side.password)}
        lines = (lines[0].model_copy(update=password),)
    values = {**spec.values, **side.values}
    update: dict[str, object] = {"lines": lines, "values": values}
    if side.load:
        update["load"] = side.load
    if (side.installed or side.defects) and not spec.virtual:
        raise UsageFault(
            f"scenario {scenario.name} plants something in the phone, and {name} is hardware",
            hint="run it on the virtual bench, or prepare the phone by hand",
        )
    seeded = lab.virtual.seeded.model_copy(update={"phones": {name: side.defects}})
    installed = {name: side.installed} if side.installed else {}
    virtual = lab.virtual.model_copy(update={"seeded": seeded, "installed": installed})
    calls = set(side.steps or scenario.steps) - {"boot", "reset", "restart"}
    # Two people to call are enough; each peer is a process.
    peers = dict(list(lab.peers.items())[:2]) if calls else {}
    phones = {name: spec.model_copy(update=update)}
    lab = lab.with_pbx(scenario.pbx)
    key = (lab.pbx.conference_key or _free_address(lab)) if side.conference_key else None
    pbx = lab.pbx.model_copy(update={"conference_key": key})
    return lab.model_copy(update={"phones": phones, "peers": peers, "virtual": virtual, "pbx": pbx})


def _free_address(lab: Lab) -> IPv4Address:
    """Return an address of the bench's network that nothing of the lab has."""
    if lab.network.interface != "lo":
        raise UsageFault(
            "the fix needs an address of its own for the conference key",
            hint="set pbx.conference_key in lab.yaml to an address this machine has",
        )
    taken = {lab.network.host, lab.pbx.address, *(each.address for each in lab.peers.values())}
    taken |= {each.address for each in lab.phones.values()}
    return next(each for each in lab.network.network.hosts() if each not in taken)
