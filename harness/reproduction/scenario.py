"""Scenarios as types: small YAML files, the shipped ones in configs/scenarios."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from harness.diagnosis import RULES
from harness.errors import UsageFault
from harness.lab import PbxKind, Values, load_checked
from harness.models import ModelName

__all__ = ["STEPS", "Edit", "Expectation", "Scenario", "Side", "Step", "find", "fitting"]
__all__ += ["load_scenario", "shipped"]

Step = Literal["boot", "reset", "restart", "call in", "call out", "conference", "dial room"]
STEPS: tuple[Step, ...] = Step.__args__  # type: ignore[attr-defined]
#: In an edit, the phone's own file, whatever its MAC.
PHONE_FILE = "phone"
_WORD = re.compile(r"[a-z0-9]{3,}")
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """the and are but does for from has have her his its not now our out says she that
        them they this was what when where which why will with you your phone cisco too again
        same kind""",
    )
)
#: Weight of shared words that is enough to take a scenario, and by how much it must lead.
_ENOUGH, _CLEARLY = 0.6, 0.15


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Edit(_Spec):
    """One change of a file as rendered: text replaced, or the whole given, or the file removed.

    ``file`` is a name as the phone asks for it, ``phone`` for its own file, or a name in
    Asterisk's configuration folder. ``path`` is a user's own file, beside the scenario. With
    ``after``, only the first occurrence after that text is replaced; ``{user}``, ``{password}``
    and ``{pbx}`` in a text are the phone's user and password, and the PBX's address, here.
    """

    file: str
    replace: str = ""
    by: str = ""
    after: str = ""
    content: str | None = None
    path: str = ""
    remove: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [bool(self.replace), self.content is not None, bool(self.path), self.remove]
        if sum(ways) != 1:
            raise ValueError("give one of: replace (and by), content, path, remove")
        return self


class Side(_Spec):
    """One version of the world: what the phone and the PBX are given.

    ``installed`` is the load a twin holds when it is unpacked, ``load`` the one offered;
    ``defects`` are planted in the twin. ``conference_key`` puts the element that answers the
    conference REFER in front of the PBX. ``steps`` replace the scenario's own.
    """

    does: str = ""
    values: Values = Field(default_factory=dict)
    password: str = ""
    installed: str = ""
    load: str = ""
    defects: tuple[str, ...] = ()
    files: tuple[Edit, ...] = ()
    pbx: tuple[Edit, ...] = ()
    conference_key: bool = False
    steps: tuple[Step, ...] | None = None


class Expectation(_Spec):
    """How the failure is recognised: the rule that names it, and whether the phone registers."""

    diagnosis: str
    registered: bool | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.diagnosis not in RULES:
            raise ValueError(
                f"there is no diagnosis rule {self.diagnosis!r}; see: {', '.join(RULES)}"
            )
        return self


class Scenario(_Spec):
    """A reported failure.

    ``complaints`` are what users say, ``broken`` how they had it, ``advice`` what they were told
    that does not help (each is tried, and must still fail), ``fixed`` what does.
    """

    title: str
    complaints: Annotated[tuple[str, ...], Field(min_length=1)]
    source: str
    model: ModelName = ModelName.CP7942G
    pbx: PbxKind = "asterisk22"
    steps: tuple[Step, ...] = ("boot",)
    expect: Expectation
    broken: Side
    advice: dict[str, Side] = Field(default_factory=dict)
    fixed: Side

    _path: Path | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self._path.stem if self._path is not None else self.title

    @property
    def folder(self) -> Path:
        """Where files it names by ``path`` are."""
        return self._path.parent if self._path is not None else Path()


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario.

    Raises:
        UsageFault: the file is missing, or has mistakes; each with line and column.
    """
    scenario = load_checked(path, Scenario, "scenario")
    scenario._path = path
    return scenario


def shipped() -> dict[str, Path]:
    """Return the scenarios that come with the harness, by name."""
    folder = files("configs") / "scenarios"
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): Path(str(folder / name)) for name in found}


def fitting(rules: list[str], pbx: str = "") -> Scenario | None:
    """Return the shipped scenario that diagnoses point to; None when none does.

    A phone that does not register comes before one that does, for what only slows a boot is often
    there as well; then the first diagnosis; then the Asterisk it happened with.

    Args:
        rules: what was diagnosed, the surest first.
        pbx: the kind of Asterisk, where it is known.
    """
    known = [load_scenario(path) for path in shipped().values()]
    fit = [scenario for scenario in known if scenario.expect.diagnosis in rules]

    def rank(scenario: Scenario) -> tuple[bool, int, bool]:
        expect = scenario.expect
        return expect.registered is not False, rules.index(expect.diagnosis), scenario.pbx != pbx

    return min(fit, key=rank, default=None)


def find(given: str) -> Scenario:
    """Return the scenario of a name, a file, or a user's complaint.

    A complaint is compared with what users said in each scenario, word by word; the best one is
    taken when it is clearly the best.

    Raises:
        UsageFault: nothing fits, or several fit as well; the candidates are named.
    """
    known = shipped()
    if given in known:
        return load_scenario(known[given])
    path = Path(given)
    if path.suffix in {".yaml", ".yml"}:
        return load_scenario(path)
    told_as_path = len(path.parts) > 1 or path.suffix in {".zip", ".pcap", ".pcapng", ".log"}
    if told_as_path and len(given.split()) == 1:
        raise UsageFault(f"there is no {given}", hint="harness repro --list shows what is shipped")
    return _by_complaint(given, [load_scenario(each) for each in known.values()])


def _by_complaint(given: str, scenarios: list[Scenario]) -> Scenario:
    """Return the scenario whose complaints share the most telling words with what is said."""
    texts = {
        scenario.name: [_words(text) for text in (*scenario.complaints, scenario.title)]
        for scenario in scenarios
    }
    everywhere = Counter(word for own in texts.values() for word in set().union(*own))
    said = _words(given)
    # A word that many scenarios have tells little; one that none has tells nothing.
    weight = {word: 1 / everywhere[word] for word in said if everywhere[word]}
    scores = {
        name: max(sum(weight.get(word, 0.0) for word in said & text) for text in own)
        for name, own in texts.items()
    }
    # Of two that fail alike, the PBX of today is meant unless the words name the other.
    ranked = sorted(scenarios, key=lambda each: (-scores[each.name], each.pbx != "asterisk22"))
    best, second = ranked[0], ranked[1]
    alike = best.expect.diagnosis == second.expect.diagnosis
    clear = alike or scores[best.name] - scores[second.name] > _CLEARLY
    if scores[best.name] < _ENOUGH or not clear:
        near = [each.name for each in ranked if scores[each.name] > 0][:4]
        raise UsageFault(
            f"no scenario is clearly that of {given!r}",
            expected="a name, a YAML file, a bundle, or the words of a known complaint",
            hint=f"choose one of: {', '.join(near or [each.name for each in scenarios])}",
        )
    return best


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower())) - _EMPTY_WORDS
