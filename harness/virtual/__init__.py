"""The virtual bench: a digital twin of each device, next to one shared world.

``python -m harness.virtual`` runs PDU and keypad twins and spawns a process for each phone twin
(`harness.virtual.phone`). Twins speak the real wire protocols to the ordinary drivers, with code
of their own: only errors, events and models are shared with the harness, so that a mistake in a
driver is not repeated by its twin. Nothing but the assembly knows that this package exists.
"""

__all__: list[str] = []
