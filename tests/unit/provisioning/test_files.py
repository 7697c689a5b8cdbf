"""Templates, manifests, and what a phone is expected to fetch."""

from __future__ import annotations

import shutil
import threading
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import UsageFault
from harness.events import FileRefused, FileRequested, FileServed
from harness.lab import Lab, load_lab
from harness.provisioning import (
    DEFAULTS,
    Fetched,
    HttpServer,
    Provisioning,
    load_manifest,
    make_up,
    render_phone,
    render_site,
    render_tree,
)
from harness.provisioning.lint import lint, models_of, tree_of
from harness.provisioning.render import values_for
from harness.timeline import Timeline

ROOT = Path(__file__).parents[3]
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="￾￿"),
    max_size=20,
)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return load_lab(ROOT / "lab.yaml")


def sep(lab: Lab, phone: str = "desk-7942", **overrides: str) -> ET.Element:
    ((name, content),) = render_phone(lab, phone, **overrides).items()
    assert name == f"SEP{lab.phones[phone].mac}.cnf.xml"
    return ET.fromstring(content)


def test_the_shipped_settings_are_the_articles(lab: Lab) -> None:
    root = sep(lab)
    assert root.findtext("sipProfile/preferredCodec") == "g711alaw"
    assert root.findtext("sipProfile/kpml") == "3"
    assert root.findtext("loadInformation") == "SIP42.9-3-1SR4-1S"
    assert root.findtext("userLocale/name") == "English_United_Kingdom"
    assert root.findtext("sipProfile/sipLines/line/proxy") == "USECALLMANAGER"
    manager = root.find("devicePool/callManagerGroup/members/member/callManager")
    assert manager is not None
    assert [child.tag for child in manager] == ["ports", "processNodeName"]


def test_the_pbx_and_the_phone_agree_on_the_credentials(lab: Lab) -> None:
    line = sep(lab).find("sipProfile/sipLines/line")
    assert line is not None
    ours = lab.phones["desk-7942"].lines[0]
    assert line.findtext("authName") == line.findtext("name") == ours.user
    assert line.findtext("authPassword") == ours.password.get_secret_value()


@given(label=TEXT)
def test_any_text_survives_the_template(lab: Lab, label: str) -> None:
    assert (sep(lab, phone_label=f"x{label}y").findtext("sipProfile/phoneLabel")) == f"x{label}y"


def texts(content: bytes) -> list[str]:
    return [element.text or "" for element in ET.fromstring(content).iter()]


#: phone_label stands for the phone's name where it is empty, load for the lab's.
_FILLED_IN = {"phone_label", "load", "pbx_address", "pbx_port", "soft_key_file"}


@given(st.dictionaries(st.sampled_from(sorted(set(DEFAULTS) - _FILLED_IN)), TEXT))
def test_what_is_rendered_is_read_back_the_same(lab: Lab, values: dict[str, str]) -> None:
    """Each value comes out of the parser where a marker of its name comes out."""
    markers = {name: f"marker of {name}" for name in values}
    (marked,) = render_phone(lab, "desk-7962", **markers).values()
    (rendered,) = render_phone(lab, "desk-7962", **values).values()
    meant = {marker: values[name] for name, marker in markers.items()}
    assert texts(rendered) == [meant.get(text, text) for text in texts(marked)]


@given(st.sampled_from(sorted(set(DEFAULTS) - {"phone_label"})), st.sampled_from("a&b <x> \"'"))
def test_every_value_keeps_the_file_well_formed(lab: Lab, name: str, value: str) -> None:
    sep(lab, **{name: value})
    for content in render_site(lab, **({name: value} if name != "dial_template" else {})).values():
        ET.fromstring(content)


def test_a_special_layer_of_values_wins_over_a_general_one(tmp_path: Path) -> None:
    layers = """provisioning:
  load: SIP42.9-3-1SR4-1S
  values: {kpml: 1, date_template: all, time_zone: all, register_expires: all, call_stats: true}
  generations: {9: {date_template: nine, time_zone: nine, register_expires: nine}, 8: {kpml: 2}}
  models: {7962G: {time_zone: model, register_expires: model}}
  sites: {north: {register_expires: site}}
"""
    text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    text = text.replace("provisioning:\n  load: SIP42.9-3-1SR4-1S\n", layers)
    text = text.replace("    model: 7962G\n", "    model: 7962G\n    site: north\n")
    text = text.replace("    model: 7942G\n", "    model: 7942G\n    values: {kpml: 3}\n")
    (tmp_path / "lab.yaml").write_text(text, encoding="utf-8")
    lab = load_lab(tmp_path / "lab.yaml")
    names = ("kpml", "date_template", "time_zone", "register_expires", "call_stats")
    given = [[values_for(lab, phone, {})[name] for name in names] for phone in lab.phones]
    assert given == [
        ["3", "nine", "nine", "nine", "true"],
        ["1", "nine", "model", "site", "true"],
    ]
    assert values_for(lab, "desk-7962", {"kpml": "0"})["kpml"] == "0"


def test_templates_beside_the_lab_are_the_labs(tmp_path: Path) -> None:
    """What lint, diff and validate look at is what a night serves and render writes."""
    shutil.copy(ROOT / "lab.yaml", tmp_path)
    lab = load_lab(tmp_path / "lab.yaml")
    assert b"<kpml>3" in render_tree(lab)["SEP0024C4ABCDEF.cnf.xml"]
    own = tmp_path / "configs" / "templates"
    shutil.copytree(ROOT / "configs" / "templates", own)
    sep_file = own / "SEP.cnf.xml.j2"
    sep_file.write_text(sep_file.read_text(encoding="utf-8").replace("{{ kpml }}", "1"), "utf-8")
    assert b"<kpml>1" in render_tree(lab)["SEP0024C4ABCDEF.cnf.xml"]


def test_a_site_with_a_dial_plan_of_its_own(tmp_path: Path) -> None:
    def tree(site: str) -> dict[str, bytes]:
        text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
        text = text.replace("provisioning:\n", f"provisioning:\n  sites: {{north: {{{site}}}}}\n")
        text = text.replace("    model: 7962G\n", "    model: 7962G\n    site: north\n")
        (tmp_path / "lab.yaml").write_text(text, encoding="utf-8")
        return render_tree(load_lab(tmp_path / "lab.yaml"))

    files = tree('dial_pattern: "3..", dial_template: north.xml')
    assert b'MATCH="2.."' in files["dialplan.xml"]
    assert b'MATCH="3.."' in files["north.xml"]
    # Under the same name one site would silently dial by the other's plan.
    with pytest.raises(UsageFault, match=r"desk-7962 would need another dialplan\.xml"):
        tree('dial_pattern: "3.."')


def test_a_7962_with_all_its_lines(tmp_path: Path) -> None:
    lines = ", ".join(f'{{user: "20{n}", label: "R&D <{n}>"}}' for n in range(1, 7))
    text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    text = text.replace('- {user: "202", label: "Desk 202"}', "")
    head, _, tail = text.rpartition("    lines:")
    lab_file = tmp_path / "lab.yaml"
    lab_file.write_text(
        f"{head}    lines: [{lines}]{tail}".replace('"201", label: "Desk', '"299", label: "Desk'),
        encoding="utf-8",
    )
    lab = load_lab(lab_file)
    found = sep(lab, "desk-7962").findall("sipProfile/sipLines/line")
    assert [line.get("button") for line in found] == [str(n) for n in range(1, 7)]
    assert [line.findtext("name") for line in found] == [f"20{n}" for n in range(1, 7)]
    assert found[5].findtext("featureLabel") == "R&D <6>"
    passwords = [line.findtext("authPassword") for line in found]
    assert len(set(passwords)) == 6
    assert passwords == [line.password.get_secret_value() for line in lab.phones["desk-7962"].lines]
    assert [each.rule for each in lint(tree_of(render_tree(lab), whole=False))].count(
        "button-out-of-range"
    ) == 4
    models = models_of(lab)
    assert "button-out-of-range" not in [
        each.rule for each in lint(tree_of(render_tree(lab), whole=False, models=models))
    ]


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
    (tmp_path / "file").touch()
    assert main(["render", "--out", str(tmp_path / "file")]) == 2
    assert f"cannot write {tmp_path / 'file'}" in capsys.readouterr().err


def test_rendering_is_deterministic(lab: Lab) -> None:
    assert render_phone(lab, "desk-7962") == render_phone(lab, "desk-7962")


def test_an_unknown_value_names_its_neighbours(lab: Lab) -> None:
    with pytest.raises(UsageFault, match="prefered_codec") as fault:
        render_phone(lab, "desk-7942", prefered_codec="g722")
    assert "preferred_codec" in fault.value.hint


def test_site_files_serve_both_models(lab: Lab) -> None:
    site = render_site(lab)
    root = ET.fromstring(site["XMLDefault.cnf.xml"])
    assert root.findtext("loadInformation434") == root.findtext("loadInformation404")
    assert ET.fromstring(site["dialplan.xml"]).tag == "DIALTEMPLATE"


def test_the_articles_firmware_set(tmp_path: Path) -> None:
    firmware = load_manifest("SIP42.9-3-1SR4-1S")
    assert sorted(firmware.names) == [
        "SIP42.9-3-1SR4-1S.loads", "apps42.9-3-1ES26.sbn", "cnu42.9-3-1ES26.sbn",
        "cvm42sip.9-3-1ES26.sbn", "dsp42.9-3-1ES26.sbn", "jar42sip.9-3-1ES26.sbn",
        "term42.default.loads", "term62.default.loads",
    ]  # fmt: skip
    make_up(firmware, tmp_path)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert all(sizes[name] == size for name, size in firmware.components)
    assert 5_500_000 < sum(sizes.values()) < 6_500_000


def test_an_unknown_load_names_the_known_ones() -> None:
    with pytest.raises(UsageFault) as fault:
        load_manifest("SCCP42.9-3-1")
    assert "SIP42.9-3-1SR4-1S" in fault.value.hint


def test_what_a_phone_fetched_is_told_in_order(lab: Lab, tmp_path: Path) -> None:
    timeline = Timeline()
    provisioning = Provisioning(lab, tmp_path, timeline)
    observe = timeline.observer("tftp", "desk-7942")
    observe(FileRequested("a", "127.42.0.42", 1))
    observe(FileRefused("a", "127.42.0.42", 1, 1, "not found"))
    observe(FileRequested("b", "127.42.0.42", 2))
    observe(FileRequested("a", "127.42.0.42", 3))
    observe(FileServed("a", "127.42.0.42", 3, 7, 1, 0, 0.0))
    observe(FileServed("b", "127.42.0.42", 2, 9, 1, 0, 0.0))
    fetched = provisioning.fetched("desk-7942", since=0)
    assert fetched == [Fetched("a", None), Fetched("b", 9), Fetched("a", 7)]


def test_the_end_of_a_transfer_that_is_under_way_is_waited_for(lab: Lab, tmp_path: Path) -> None:
    timeline = Timeline()
    provisioning = Provisioning(lab, tmp_path, timeline)
    observe = timeline.observer("tftp", "desk-7942")
    observe(FileRequested("a", "127.42.0.42", 1))
    last = threading.Timer(0.1, observe, [FileServed("a", "127.42.0.42", 1, 7, 1, 0, 0.0)])
    last.start()
    assert provisioning.fetched("desk-7942", since=0) == [Fetched("a", 7)]
    last.join()
    observe(FileRequested("silence", "127.42.0.42", 2))
    assert provisioning.fetched("desk-7942", since=0)[1] == Fetched("silence", None)


def test_every_secret_a_file_ever_held_is_known(lab: Lab, tmp_path: Path) -> None:
    provisioning = Provisioning(lab, tmp_path, Timeline())
    assert provisioning.secrets == {provisioning.http.password}
    with provisioning.overridden("desk-7942", ssh_password="other-shell", phone_password="9182"):
        pass
    assert provisioning.secrets >= {"other-shell", "9182", provisioning.http.password}


def test_the_responder_authorizes_only_this_run(tmp_path: Path) -> None:
    server = HttpServer(tmp_path, "127.0.0.1", 0, Timeline().observer("http"))
    server.start()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def asked(password: str) -> bytes:
        query = f"?UserID={server.user}&Password={password}&devicename=SEP0"
        with opener.open(server.authentication_url + query, timeout=3.0) as answer:
            content: bytes = answer.read()
            return content

    assert asked(server.password) == b"AUTHORIZED"
    assert asked("wrong") == b"UN-AUTHORIZED"
    server.stop()
