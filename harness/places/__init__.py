"""Places of labgrid: benches of other machines, leased from a coordinator while ours is open.

labgrid's coordinator and exporters know who holds what and serve serial ports over the network;
nothing of that is done here. Here live only the asking and holding: `leased` takes every place a
lab needs, or none, and gives the lab back with the ports it got; a place that is lost can be asked
for again. What the ports are used for is no business of this room.
"""

from harness.places.lease import Lease, leased
from harness.places.need import Need, needs

__all__ = ["Lease", "Need", "leased", "needs"]
