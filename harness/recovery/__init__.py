"""What a run that was killed leaves, and how the bench is made safe again.

A bench writes what it switches into a journal before it does (`Journal`, by `WrittenPower` and
`WrittenKeypad`). `recover` reads the journals of processes that are gone, lets go of keys, puts
outlets as lab.yaml declares them, ends what still runs and finishes the run's folder.
"""

from harness.recovery.devices import WrittenKeypad, WrittenPower
from harness.recovery.journal import OWNER_VARIABLE, Journal, Written, read_journal
from harness.recovery.leftovers import leftover_processes
from harness.recovery.recovering import Recovered, lost_journals, recover
from harness.recovery.rest import make_safe, put_at_rest

__all__ = [
    "OWNER_VARIABLE",
    "Journal",
    "Recovered",
    "Written",
    "WrittenKeypad",
    "WrittenPower",
    "leftover_processes",
    "lost_journals",
    "make_safe",
    "put_at_rest",
    "read_journal",
    "recover",
]
