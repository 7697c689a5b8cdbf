"""The bench's own network: a namespace with a bridge, when lab.yaml asks for one.

All that is started while it is open lives in it: servers, container, peers, capture, twins. On any
other bench this does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.events import Note
from harness.lab import Lab
from harness.namespaces import entered, ip, namespace, sweep
from harness.timeline import Observer

__all__ = ["bench_network"]


@contextmanager
def bench_network(lab: Lab, observe: Observer) -> Iterator[None]:
    """Bring the calling thread, and all it starts meanwhile, into the network of a lab.

    What killed runs left is removed first.

    Raises:
        BenchFault: namespaces cannot be made here.
    """
    if not lab.network.namespace:
        yield
        return
    for name in sweep():
        observe(Note(text=f"removed the network {name}: its run was killed"))
    with namespace(lab.network.namespace) as name:
        _bridge(lab, name)
        observe(Note(text=f"the bench lives in a network of its own: ip netns exec {name} COMMAND"))
        with entered(name):
            yield


def _bridge(lab: Lab, name: str) -> None:
    """Make the switch the phones hang on; this machine, the PBX and the peers are on it."""
    network = lab.network
    # Without spanning tree and its delay a port forwards as soon as its phone has power.
    switch = ("type", "bridge", "stp_state", "0", "forward_delay", "0")
    ip("-n", name, "link", "add", network.interface, *switch)
    hosts = [network.host, lab.pbx.address, *(peer.address for peer in lab.peers.values())]
    for address in dict.fromkeys(hosts):
        own = f"{address}/{network.prefix}"
        ip("-n", name, "address", "add", own, "brd", "+", "dev", network.interface)
    ip("-n", name, "link", "set", network.interface, "up")
