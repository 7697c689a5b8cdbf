"""How far the twins have drifted from real phones: a recording replayed and compared.

A recording of a real night is read, what was done to its phones is done to their twins on the wire,
and both are compared aspect by aspect. Nothing here judges a phone: it is the twin that is in
question. This room reads the twins' table of behaviours, and knows of them no more than that.
"""

from harness.drift.aspects import ASPECTS, Aspect, Clock, Sight
from harness.drift.comparison import Comparison, Difference, Tolerance, compare
from harness.drift.conduct import conduct
from harness.drift.drift import Drift, confirmations, drift
from harness.drift.recording import Recording, Station, opened
from harness.drift.replay import twin_lab
from harness.drift.report import as_text
from harness.drift.rows import Row, Standing
from harness.virtual.confirmations import CONFIRMATIONS, append_confirmations

__all__ = [
    "ASPECTS",
    "CONFIRMATIONS",
    "Aspect",
    "Clock",
    "Comparison",
    "Difference",
    "Drift",
    "Recording",
    "Row",
    "Sight",
    "Standing",
    "Station",
    "Tolerance",
    "append_confirmations",
    "as_text",
    "compare",
    "conduct",
    "confirmations",
    "drift",
    "opened",
    "twin_lab",
]
