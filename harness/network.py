"""The bench's own network: a namespace with a bridge, when lab.yaml asks for one.

All that is started while it is open lives in it: servers, container, peers, capture, twins. On any
other bench this does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.errors import BenchFault
from harness.events import Note
from harness.lab import Lab
from harness.namespaces import entered, ip, namespace, orphans, sweep
from harness.pbx import ContainerRuntime
from harness.switch import link_watched
from harness.timeline import Observer

__all__ = ["bench_network", "containers_follow"]


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
    for name in _swept(lab):
        observe(Note(text=f"removed the network {name}: its run was killed"))
    with namespace(lab.network.namespace) as name:
        _bridge(lab, name)
        observe(Note(text=f"the bench lives in a network of its own: ip netns exec {name} COMMAND"))
        with entered(name), link_watched(lab, observe):
            yield


def _swept(lab: Lab) -> list[str]:
    """Remove what killed runs left, and say which networks that were."""
    if not orphans():
        return []
    with suppress(BenchFault):
        # Containers first, and by their own program: with a network goes all that runs in it, and
        # podman was seen to hang over a container whose monitor process was killed.
        ContainerRuntime.probe(lab.pbx.image_name).remove_orphans()
    return sweep()


def containers_follow(lab: Lab) -> bool:
    """Whether the PBX's container lives in the network of the lab.

    podman's ``--network host`` is the network of its caller. docker's is that of its daemon.

    Raises:
        BenchFault: only docker works here, and the lab has a namespace; or nothing works.
    """
    if lab.network.namespace and ContainerRuntime.probe(lab.pbx.image_name).program != "podman":
        raise BenchFault(
            "docker starts the PBX outside the bench's network namespace",
            device="network",
            expected="podman for a lab with network.namespace",
            hint="apt-get install podman runc; or a lab without namespace, like lab.yaml",
        )
    return True


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
