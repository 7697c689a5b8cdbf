"""The phone's own names of time zones: a closed list (usecallmanager.nz, SEPMAC.cnf.xml)."""

from __future__ import annotations

__all__ = ["TIME_ZONES"]

_BOTH = """
Alaskan Pacific Mountain Central Mexico Eastern Atlantic Newfoundland
E._South_America Mid-Atlantic Azores GMT W._Europe GTB Egypt E._Europe Romance Central_Europe
Jerusalem Russian Iran Caucasus China Cen._Australia AUS_Eastern Tasmania New_Zealand
"""
_STANDARD = """
Dateline Samoa Hawaiian US_Mountain Canada_Central SA_Pacific US_Eastern SA_Western Pacific_SA
SA_Eastern Greenwich South_Africa Saudi_Arabia Arabian Afghanistan West_Asia Ekaterinburg India
Central_Asia SE_Asia Taipei Tokyo AUS_Central E._Australia West_Pacific Central_Pacific Fiji
"""


def _names(table: str, ending: str) -> set[str]:
    return {f"{name.replace('_', ' ')} {ending}" for name in table.split()}


#: Every name, to be written exactly so.
TIME_ZONES: frozenset[str] = frozenset(
    _names(_BOTH, "Standard/Daylight Time")
    | _names(_STANDARD, "Standard Time")
    | {"Pacific SA Daylight Time"}
)
