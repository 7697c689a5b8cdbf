"""A recording's stimuli given to twins: the tests it names, on a virtual bench made to match.

The twins get the phones' models, MAC addresses, loads, lines and files, and register to the same
kind of Asterisk. A recording that names no test is replayed by the tests that make a phone do what
is seen in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from harness.drift.aspects import Sight
from harness.drift.recording import Recording, Station
from harness.errors import UsageFault
from harness.events import FileRequested, SipMessage
from harness.lab import Lab, load_lab
from harness.models import PHONE_MODELS
from harness.phone import ResetCode
from harness.provisioning.diff import diff_trees
from harness.provisioning.elements import Kind
from harness.provisioning.firmware import known_loads
from harness.provisioning.render import TEMPLATES, render_phone
from harness.runs.history import masked_file
from harness.runs.night import run_night

__all__ = ["Replay", "chosen_tests", "other_files", "replay", "twin_lab"]

_PDU = "twin-power"
#: Where a phone asks who may use its windows: the harness's own responder, known once it listens.
_RESPONDER = "authenticationURL"
_RESET = "test_factory_reset_flashes_provisions_and_registers"
#: Which test makes a phone do what a recording without tests shows, by aspect and subject or value.
_MAKERS = (
    ("flash.files", "", _RESET),
    ("reset.files", "", _RESET),
    ("boot.files", f"reset {ResetCode.SOFT.keys}", _RESET),
    ("boot.files", f"reset {ResetCode.FORMAT.keys}", "test_format_code_wipes_everything"),
    ("boot.files", f"reset {ResetCode.KEEP_NETWORK.keys}", "test_keep_network_code_wipes_the_rest"),
    ("boot.files", "restart", "test_restart_from_the_settings_menu_comes_back_registered"),
    ("register.removed", "", "test_restart_from_the_settings_menu_comes_back_registered"),
    ("call.messages", "180 INVITE", "test_phone_answers_with_the_first_common_codec"),
    ("call.messages", "488 INVITE", "test_no_common_codec_is_refused"),
    ("call.messages", "INVITE", "test_preferred_codec_leads_the_offer"),
    ("call.messages", "INVITE to hold", "test_hold_silences_and_resume_brings_both_back"),
    ("call.messages", "REFER (transfer)", "test_attended_transfer"),
    ("call.messages", "REFER (conference)", "test_conference_by_the_conf_key"),
    ("call.messages", "CANCEL", "test_blind_transfer"),
    ("dtmf.digits", "", "test_phone_sends_all_sixteen_digits"),
)
#: What every phone does.
_ALWAYS = "test_power_cycle_boots_without_flashing_again"


@dataclass(frozen=True, slots=True)
class Replay:
    """The twin's night: its folder, what was replayed, and tests that this suite does not have."""

    directory: Path
    tests: tuple[str, ...]
    missing: tuple[str, ...]


def replay(
    recording: Recording,
    sights: Iterable[Sight],
    lab: Lab,
    directory: Path,
    *,
    suite: Path,
    say: Callable[[str], None],
    speed: float = 0.0,
) -> Replay:
    """Make twins do what the phones of a recording were made to do, on the wire.

    Args:
        recording: what to replay.
        sights: what is seen in it, to choose tests by when it names none.
        lab: the lab the recording was made on, or any: phones that are not in it are made up.
        directory: gets the twin's night.
        suite: the folder or file with the tests.
        say: told what goes on, a line at a time.
        speed: of device time; 0 for what the lab says.

    Raises:
        UsageFault: nothing of the recording can be replayed, or no twin can stand for a phone.
        BenchFault: the virtual bench left no result.
    """
    wanted = recording.tests or chosen_tests(sights)
    tests, missing = _found(wanted, suite)
    if not tests:
        raise UsageFault(
            f"none of the recording's tests is in {suite}: {', '.join(missing[:3])}",
            hint="give the suite it was recorded with: --suite PATH",
        )
    directory.mkdir(parents=True, exist_ok=True)
    lab_file = directory / "twin.yaml"
    with lab_file.open("w", encoding="utf-8") as file:
        YAML().dump(twin_lab(recording, lab, speed=speed), file)
    try:
        # A mistake in what was made of lab.yaml is told now, not by a night that ends at once.
        load_lab(lab_file)
    except UsageFault:
        lab_file.unlink()
        raise
    names = ",".join(recording.stations)
    run = run_night(
        lab_file, directory, suite=tests, options=["--phones", names], name="twin", say=say
    )
    return Replay(run, tuple(tests), tuple(missing))


def chosen_tests(sights: Iterable[Sight]) -> list[str]:
    """Return the tests that make a phone do what is seen, by their functions' names."""
    seen = {(each.aspect, what) for each in sights for what in (each.subject, each.value, "")}
    found = [test for aspect, what, test in _MAKERS if (aspect, what) in seen]
    return list(dict.fromkeys([_ALWAYS, *found]))


def _found(wanted: Sequence[str], suite: Path) -> tuple[list[str], list[str]]:
    """Find tests in a suite; their parameters are the suite's own affair."""
    files = sorted(suite.rglob("test_*.py")) if suite.is_dir() else [suite]
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    found: list[str] = []
    missing: list[str] = []
    for test in wanted:
        path, _, inside = test.rpartition("::") if "::" in test else ("", "", test)
        function = inside.partition("[")[0]
        file_name = path.partition("::")[0].rpartition("/")[2]
        file = next(
            (
                file
                for file, text in texts.items()
                if file_name in {"", file.name} and f"def {function}(" in text
            ),
            None,
        )
        if file is None:
            missing.append(test)
            continue
        classes = path.split("::")[1:]
        found.append("::".join([str(file), *classes, function]))
    return list(dict.fromkeys(found)), missing


def twin_lab(recording: Recording, lab: Lab, *, speed: float = 0.0) -> dict[str, Any]:
    """Return a lab.yaml, as plain values, whose twins stand for the phones of a recording.

    A lab of twins keeps its network; one of hardware gets a namespace of the same addresses, so
    that files are rendered to the same bytes and nothing reaches the real bench.

    Raises:
        UsageFault: no twin can stand for a phone.
    """
    plain: dict[str, Any] = {}
    if lab.source is not None:
        plain = YAML(typ="safe").load(lab.source.read_text(encoding="utf-8"))
    real = not _all_virtual(lab)
    phones = {
        name: _phone(number, station, lab, plain)
        for number, (name, station) in enumerate(recording.stations.items(), start=1)
    }
    power = {"driver": "scpi", "address": "virtual", "outlets": max(8, len(phones))}
    made = {
        key: value
        for key, value in plain.items()
        if key not in {"phones", "power", "keypads", "virtual", "notify", "network", "pbx"}
    }
    made |= {
        "name": "twin",
        "network": _network(plain.get("network") or {}, real=real),
        "virtual": _virtual(recording, lab, speed),
        "power": {_PDU: power},
        "keypads": {
            f"twin-keypad-{number}": {"driver": "matrix", "port": "virtual"}
            for number in range(1, len(phones) + 1)
        },
        "pbx": _pbx(plain.get("pbx") or {}, recording.pbx),
        "provisioning": _provisioning(plain.get("provisioning") or {}, lab, real=real),
        "phones": phones,
    }
    return made


def _all_virtual(lab: Lab) -> bool:
    return all(lab.label(name) == "virtual" and lab.phones[name].virtual for name in lab.phones)


def _phone(number: int, station: Station, lab: Lab, plain: Mapping[str, Any]) -> dict[str, Any]:
    spec = lab.phones.get(station.name)
    if spec is None or (station.mac and spec.mac != station.mac):
        by_mac = [name for name, each in lab.phones.items() if each.mac == station.mac]
        spec = lab.phones[by_mac[0]] if by_mac else None
    known = {each.value for each in PHONE_MODELS}
    model = station.model or (spec.model.value if spec is not None else "")
    if model not in known:
        raise UsageFault(
            f"{station.name} is {f'a {model}' if model else 'of no model that can be told'},"
            " and there is no twin of it",
            hint=f"there are twins of {', '.join(sorted(known))}",
        )
    load = station.load or (spec.load if spec is not None else "") or lab.provisioning.load
    if load not in known_loads():
        raise UsageFault(
            f"{station.name} ran {load}, and no twin knows which files that has",
            hint=f"write a manifest beside the known ones: {', '.join(known_loads())}",
        )
    own: dict[str, Any] = {}
    if spec is not None:
        name = next(name for name, each in lab.phones.items() if each is spec)
        own = dict(plain.get("phones", {}).get(name, {}))
    taken = {peer.extension for peer in lab.peers.values()}
    users = [user for user in station.users if user.isdecimal() and user not in taken]
    return {
        "lines": [{"user": user} for user in users[: PHONE_MODELS[_model(model)].lines]]
        or [{"user": f"{390 + number}"}],
        "address": str(lab.network.host + 99 + number),
        "mac": station.mac or f"0024C40000{number:02X}",
        **own,
        "model": model,
        "load": load,
        "kind": "virtual",
        "outlet": f"{_PDU}/{number}",
        "keypad": f"twin-keypad-{number}",
        "tone": own.get("tone", 1000 + 130 * number),
    }


def _model(name: str) -> Any:
    return next(each for each in PHONE_MODELS if each.value == name)


def _network(plain: Mapping[str, Any], *, real: bool) -> dict[str, Any]:
    if not real:
        return dict(plain)
    return {**plain, "namespace": "twin", "interface": "phones", "dhcp": True}


def _virtual(recording: Recording, lab: Lab, speed: float) -> dict[str, Any]:
    protocols = {
        event.protocol for r in recording.records if isinstance(event := r.event, FileRequested)
    }
    return {
        "speed": speed or lab.virtual.speed,
        "boot_loader_s": lab.virtual.boot_loader_s,
        "http_first": "http" in protocols,
        "installed": {
            name: station.held
            for name, station in recording.stations.items()
            if station.held and _held_it_before(recording, station)
        },
    }


def _held_it_before(recording: Recording, station: Station) -> bool:
    """Whether the phone registered before it asked for any image: it held its load already."""
    for record in recording.records:
        event = record.event
        if isinstance(event, FileRequested) and event.address in station.addresses:
            if masked_file(event.name)[1]:
                return False
        elif (
            isinstance(event, SipMessage)
            and event.start_line.startswith("REGISTER ")
            and event.source.rpartition(":")[0] in station.addresses
        ):
            return True
    return False


def _pbx(plain: Mapping[str, Any], kind: str) -> dict[str, Any]:
    made = dict(plain)
    if kind and kind != made.get("kind", kind):
        # The lab's image is its own kind's.
        made.pop("image", None)
    return made | ({"kind": kind} if kind else {})


def _provisioning(plain: Mapping[str, Any], lab: Lab, *, real: bool) -> dict[str, Any]:
    made = dict(plain)
    templates = lab.beside(lab.provisioning.templates or TEMPLATES)
    if templates.is_dir():
        made["templates"] = str(templates.resolve())
    if real:
        # Twins cannot read Cisco's signed images; they get made-up ones of the same load.
        made.pop("firmware", None)
    elif made.get("firmware"):
        made["firmware"] = str(lab.beside(str(made["firmware"])).resolve())
    return made


def other_files(recording: Recording, lab: Lab) -> list[str]:
    """Return what is otherwise in a phone's file as recorded than as the lab renders it now.

    Only files of failed tests are kept, so most recordings tell no more than that they differ.
    """
    told: list[str] = []
    for name, served in recording.served.items():
        if name not in lab.phones:
            continue
        now = render_phone(lab, name)
        old = {file: text.encode() for file, text in served.items() if file in now}
        changes = diff_trees(old, {file: now[file] for file in old})
        told += [
            f"{name}: {each}"
            for each in changes
            if each.element.kind is not Kind.SECRET and _RESPONDER not in each.path
        ]
    return told
