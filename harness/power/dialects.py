"""The words that different SCPI devices want, as data.

`*IDN?` and `SYST:ERR?` are the same everywhere (IEEE 488.2, SCPI-99 volume 2 chapter 21), so
they are not part of a dialect.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["DIALECTS", "KEYSIGHT_E36300", "PLAIN", "ROHDE_SCHWARZ_HMP", "ScpiDialect"]


@dataclass(frozen=True, slots=True)
class ScpiDialect:
    """Command templates of one family of devices; ``{n}`` stands for the outlet.

    Args:
        name: how lab.yaml would call it.
        source: where the commands are documented.
        on: switches an outlet on.
        off: switches an outlet off.
        state: asks for the state of an outlet.
        current: asks for amperes; empty when the device does not measure.
        select: sent before each of the above on devices that first select an outlet.
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

KEYSIGHT_E36300 = ScpiDialect(
    name="keysight-e36300",
    source="Keysight E36300 series Programming Guide, OUTPut and MEASure subsystems: channel lists",
    on="OUTP ON,(@{n})",
    off="OUTP OFF,(@{n})",
    state="OUTP? (@{n})",
    current="MEAS:CURR? (@{n})",
)

ROHDE_SCHWARZ_HMP = ScpiDialect(
    name="rohde-schwarz-hmp",
    source="R&S HMP series SCPI Programmers Manual: INSTrument:NSELect, OUTPut:STATe. "
    "The master switch (OUTPut:GENeral) must be on; the harness never touches it.",
    select="INST:NSEL {n}",
    on="OUTP:STAT 1",
    off="OUTP:STAT 0",
    state="OUTP:STAT?",
    current="MEAS:CURR?",
)

#: All dialects by name.
DIALECTS: dict[str, ScpiDialect] = {
    dialect.name: dialect for dialect in (PLAIN, KEYSIGHT_E36300, ROHDE_SCHWARZ_HMP)
}
