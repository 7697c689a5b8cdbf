"""Is everything there that a night needs, and what is to be done where not.

Each check is one small function that yields findings; checks are registered by what they look at
(the host, a PDU, a keypad, a phone) and run side by side, each within a deadline of its own, so a
device that hangs costs nobody else their finding. ``harness doctor`` shows all of them; a night
asks only after its stations and leaves out those that are ill. Nothing here switches an outlet or
presses a key.
"""

from harness.health.doctor import examine
from harness.health.finding import Finding, State, as_json, as_tree
from harness.health.stations import ill_stations

__all__ = ["Finding", "State", "as_json", "as_tree", "examine", "ill_stations"]
