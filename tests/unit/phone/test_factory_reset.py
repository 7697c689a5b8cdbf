"""The reset procedure by events alone: what it waits for, what it begins again, what it blames."""

from __future__ import annotations

import pytest

from harness.deadlines import Deadlines
from harness.errors import ProductFault
from harness.events import FileRequested, LampChanged, LampColour, Note, SipMessage, StepStarted
from harness.keypad import Senses
from harness.models import PHONE_MODELS, ModelName, PhoneModel
from harness.phone import ResetCode
from harness.phone.factory_reset import FactoryReset
from harness.phone.phone import _LOAD_IN_REASON
from harness.timeline import Timeline

MODEL = PHONE_MODELS[ModelName.CP7962G]


class ScriptedPhone:
    """Outlet, keys and lamps in one: each power-on plays the next act, a letter a beat.

    ``a`` amber walk, ``r`` red walk, ``g`` green, ``b`` boot loads asked, ``n`` normal boot. What
    comes after ``|`` comes once a code was typed.
    """

    name = "robot"
    senses = Senses(keys=True, lamps=True)

    def __init__(self, timeline: Timeline, *acts: str, model: PhoneModel = MODEL) -> None:
        self._timeline = timeline
        self._acts = list(acts)
        self._model = model
        self._later = ""
        self._ms = 0
        self.typed: list[str] = []
        self.held = False

    def power_off(self) -> None:
        pass

    def power_on(self) -> None:
        assert self.held, "# must be down before the power comes"
        now, _, self._later = self._acts.pop(0).partition("|")
        self._play(now)

    def press(self, key: str) -> None:
        assert key == "#"
        self.held = True

    def release(self, key: str) -> None:
        assert key == "#"
        self.held = False

    def type(self, keys: str) -> None:
        assert not self.held
        self.typed.append(keys)
        self._play(self._later)

    def _play(self, beats: str) -> None:
        for beat in beats:
            if beat in "ar":
                self._walk(LampColour.AMBER if beat == "a" else LampColour.RED)
            elif beat == "g":
                self._see("line1", LampColour.GREEN)
            else:
                name = self._model.boot_loads if beat == "b" else "CTLSEP0024C4ABCDEF.tlv"
                self._timeline.append(
                    FileRequested(name, "192.0.2.1", 50000), source="tftp", device="desk"
                )

    def _walk(self, colour: LampColour) -> None:
        for lamp in [*range(1, self._model.lines + 1), 1]:
            self._see(f"line{lamp}", colour)
            self._see(f"line{lamp}", LampColour.DARK)

    def _see(self, lamp: str, colour: LampColour) -> None:
        self._ms += 100
        self._timeline.append(LampChanged(lamp, colour, self._ms), source="k", device="desk")


def perform(phone: ScriptedPhone, timeline: Timeline, code: ResetCode, model: PhoneModel) -> int:
    reset = FactoryReset(
        "desk", model, phone, timeline, Deadlines(device_speed=4000.0),  # type: ignore[arg-type]
        phone.power_off, phone.power_on,
    )  # fmt: skip
    return reset.perform(code)


def notes(timeline: Timeline) -> list[str]:
    return [note.text for note in timeline.events(Note)]


@pytest.mark.parametrize("name", list(ModelName))
@pytest.mark.parametrize("code", list(ResetCode), ids=str)
def test_each_code_on_each_model(code: ResetCode, name: ModelName) -> None:
    timeline, model = Timeline(), PHONE_MODELS[name]
    phone = ScriptedPhone(timeline, "a|rgb", model=model)
    perform(phone, timeline, code, model)
    assert phone.typed == [code.keys]
    assert notes(timeline) == (["after the format line1 lit green"] if code.formats else [])


def test_a_normal_boot_is_begun_again_once_and_told() -> None:
    timeline = Timeline()
    phone = ScriptedPhone(timeline, "a|n", "a|rb")
    since = perform(phone, timeline, ResetCode.SOFT, MODEL)
    assert len(phone.typed) == 2
    assert "begun again (1 of 2 tries used)" in notes(timeline)[0]
    titles = [step.name for step in timeline.events(StepStarted)]
    assert "factory reset (soft), try 2 of 2" in titles
    assert since > 0, "the mark is that of the second power-on"


def test_two_normal_boots_are_the_end() -> None:
    timeline = Timeline()
    phone = ScriptedPhone(timeline, "a|n", "a|n", "a|rb")
    with pytest.raises(ProductFault, match="did not walk red"):
        perform(phone, timeline, ResetCode.SOFT, MODEL)
    assert len(phone.typed) == 2


def test_a_key_that_was_not_felt_is_begun_again_too() -> None:
    timeline = Timeline()
    phone = ScriptedPhone(timeline, "n", "a|rb")
    perform(phone, timeline, ResetCode.SOFT, MODEL)
    assert len(phone.typed) == 1


@pytest.mark.parametrize(
    ("act", "says"),
    [
        ("", "did not walk amber"),
        ("r", "did not walk amber"),
        ("a|", "did not walk red"),
        ("a|b", "did not walk red"),
        ("a|r", "no 'file requested' event"),
        ("a|rn", "no 'file requested' event"),
    ],
)
def test_what_is_not_a_wrong_key_is_not_tried_again(act: str, says: str) -> None:
    timeline = Timeline()
    phone = ScriptedPhone(timeline, act, "a|rb")
    with pytest.raises(ProductFault, match=says):
        perform(phone, timeline, ResetCode.SOFT, MODEL)
    assert not phone.held, "# is released whatever happens"
    assert notes(timeline) == []


def test_a_format_without_green_is_told_and_taken() -> None:
    timeline = Timeline()
    perform(ScriptedPhone(timeline, "a|rb"), timeline, ResetCode.FORMAT, MODEL)
    assert notes(timeline) == ["after the format no green lamp was seen"]


def test_the_load_in_a_register() -> None:
    """The Reason header of a 7961 with 8.5(4), from a public trace."""
    text = (
        "REGISTER sip:192.0.2.2 SIP/2.0\r\nExpires: 3600\r\n"
        'Reason: SIP;cause=200;text="cisco-alarm:20 Name=SEP001122334455 '
        'Load=SIP41.8-5-4S Last=phone-keypad"\r\n'
    )
    message = SipMessage("a", "b", text.splitlines()[0], "c", "101 REGISTER", text)
    found = _LOAD_IN_REASON.search(message.text)
    assert found is not None
    assert found[1] == "SIP41.8-5-4S"
