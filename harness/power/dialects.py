"""The words that different SCPI devices want, as data.

`*IDN?` and `SYST:ERR?` are the same everywhere (IEEE 488.2, SCPI-99 volume 2 chapter 21), so a
dialect names them only where the device speaks no SCPI at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

__all__ = ["DIALECTS", "PLAIN", "ScpiDialect"]


@dataclass(frozen=True, slots=True)
class ScpiDialect:
    """Command templates of one family of devices; ``{n}`` stands for the outlet.

    Args:
        name: how lab.yaml calls it.
        source: where the commands are documented.
        on: switches an outlet on.
        off: switches an outlet off.
        state: asks for the state of an outlet.
        current: asks for amperes; empty when the device does not measure.
        select: sent before each of the above on devices that first select an outlet.
        identify: asks who is there.
        errors: asks for the last error; empty when there is no such question.
        ends: what ends a line to the device.
        prompt: on devices that echo each line and end every answer with a prompt: that prompt.
        answers_on: answers to ``state`` that mean on, upper case.
        answers_off: answers that mean off, upper case.
        answers_unknown: answers by which the device says it does not know.
    """

    name: str
    source: str
    on: str
    off: str
    state: str
    current: str = ""
    select: str = ""
    identify: str = "*IDN?"
    errors: str = "SYST:ERR?"
    ends: str = "\n"
    prompt: str = ""
    answers_on: frozenset[str] = field(default=frozenset({"1", "ON"}))
    answers_off: frozenset[str] = field(default=frozenset({"0", "OFF"}))
    answers_unknown: frozenset[str] = field(default=frozenset({"UNKNOWN"}))


PLAIN = ScpiDialect(
    name="plain",
    source="SCPI-99 volume 2 chapter 15 (OUTPut) with the outlet as numeric suffix",
    on="OUTP{n} ON",
    off="OUTP{n} OFF",
    state="OUTP{n}?",
    current="MEAS:CURR{n}?",
)

_KEYSIGHT_E36300 = ScpiDialect(
    name="keysight-e36300",
    source="Keysight E36300 series Programming Guide, OUTPut and MEASure subsystems: channel lists",
    on="OUTP ON,(@{n})",
    off="OUTP OFF,(@{n})",
    state="OUTP? (@{n})",
    current="MEAS:CURR? (@{n})",
)

_ROHDE_SCHWARZ_HMP = ScpiDialect(
    name="rohde-schwarz-hmp",
    source="R&S HMP series SCPI Programmers Manual: INSTrument:NSELect, OUTPut:STATe. "
    "The master switch (OUTPut:GENeral) must be on; the harness never touches it.",
    select="INST:NSEL {n}",
    on="OUTP:STAT 1",
    off="OUTP:STAT 0",
    state="OUTP:STAT?",
    current="MEAS:CURR?",
)

_ROHDE_SCHWARZ_NGE = replace(
    _ROHDE_SCHWARZ_HMP,
    name="rohde-schwarz-nge",
    source="R&S NGE100B User Manual 5601.1343.02 and NGL200/NGM200 1178.8736.02, remote control: "
    "OUTP:STAT ON, OUTP:STAT? answers 1. That INSTrument:NSELect and MEASure:CURRent? are those "
    "of the HMP is inferred from the family.",
)

_RIGOL_DP800 = ScpiDialect(
    name="rigol-dp800",
    source="Rigol DP800 Programming Guide, :OUTPut[:STATe] and :MEASure[:SCALar]:CURRent[:DC]?: "
    "the channel is a parameter, the answer is ON or OFF",
    on=":OUTP CH{n},ON",
    off=":OUTP CH{n},OFF",
    state=":OUTP? CH{n}",
    current=":MEAS:CURR? CH{n}",
)

_NUMATO_RELAY = ScpiDialect(
    name="numato-relay",
    source="Numato Lab USB relay modules (numato.com/docs): ver, relay on/off/read n, lines end "
    "in a carriage return, relays count from 0. Echo and prompt are from memory of the guide.",
    identify="ver",
    errors="",
    ends="\r",
    prompt=">",
    on="relay on {n}",
    off="relay off {n}",
    state="relay read {n}",
)

#: All dialects by name.
DIALECTS: dict[str, ScpiDialect] = {
    dialect.name: dialect
    for dialect in (
        PLAIN,
        _KEYSIGHT_E36300,
        _ROHDE_SCHWARZ_HMP,
        _ROHDE_SCHWARZ_NGE,
        _RIGOL_DP800,
        _NUMATO_RELAY,
    )
}
