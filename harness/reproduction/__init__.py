"""A user's report made to happen on the bench, explained, and shown to be cured.

A scenario is data: which phone and PBX, what is wrong with their files, what to do, and by which
diagnosis it is recognised. What is done is done by the bench's own means; whether it happened is
said by the diagnosis rules, from the wire. Nothing here knows whether a device is virtual.
"""

from harness.reproduction.report import as_text
from harness.reproduction.run import Outcome, Reproduction, reproduce
from harness.reproduction.scenario import (
    Edit,
    Scenario,
    Side,
    find,
    fitting,
    load_scenario,
    shipped,
)

__all__ = [
    "Edit",
    "Outcome",
    "Reproduction",
    "Scenario",
    "Side",
    "as_text",
    "find",
    "fitting",
    "load_scenario",
    "reproduce",
    "shipped",
]
