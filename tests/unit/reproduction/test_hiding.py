"""What a reproduction leaves behind holds no password, whoever gave it."""

from __future__ import annotations

from pathlib import Path

from harness.reproduction.hiding import hide_secrets

OURS, USERS, LOGIN = "Fxu0r1qv42", "UsersOwnPassword7", "F3V-Lh61ksGlesFop4SxmA"
LEFT = {
    "tftp/SEP0024C4ABCDEF.cnf.xml": f"<device><authPassword>{USERS}</authPassword></device>",
    "pbx/etc/pjsip.conf": f"[201]\npassword = {OURS}\n",
    "pbx/etc/manager.conf": f"[bench]\nsecret = {LOGIN}\n",
    "pbx/asterisk.log": f"NOTICE[1] manager login {LOGIN}\n",
    "peers/alice/pjsua.log": f"account with {OURS}\n",
    "timeline.jsonl": f'{{"text": "{USERS}"}}\n',
    "twins/desk.flash.json": f'{{"config": "{USERS}"}}',
}


def test_no_secret_is_left_in_any_file(tmp_path: Path) -> None:
    for name, text in LEFT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    capture = f"....{USERS}....{OURS}"
    (tmp_path / "capture.pcap").write_text(capture, encoding="utf-8")
    hide_secrets(tmp_path, {"KnownToTheLab"})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    left = b"".join(path.read_bytes() for path in files)
    for secret in (OURS, USERS, LOGIN):
        assert secret.encode() not in left
    assert (tmp_path / "capture.pcap").stat().st_size == len(capture)
    assert "[hidden]" in (tmp_path / "pbx/etc/pjsip.conf").read_text(encoding="utf-8")
    assert not (tmp_path / "twins").exists()


def test_what_only_the_lab_knows_goes_too(tmp_path: Path) -> None:
    (tmp_path / "console.txt").write_text("said KnownToTheLab\n", encoding="utf-8")
    hide_secrets(tmp_path, {"KnownToTheLab"})
    assert (tmp_path / "console.txt").read_text(encoding="utf-8") == "said [hidden]\n"
