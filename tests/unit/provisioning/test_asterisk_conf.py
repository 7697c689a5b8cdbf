"""Asterisk's files as Asterisk reads them: comments, templates, additions, includes, codecs."""

from __future__ import annotations

import pytest
from good_root import SEP, good
from hypothesis import given
from hypothesis import strategies as st

from harness.provisioning.lint import lint, tree_of
from harness.provisioning.lint.asterisk_conf import Pbx, pbxs_of


def pbx_of(**files: str) -> Pbx:
    contents = {name.replace("__", "."): text.encode() for name, text in files.items()}
    (pbx,) = pbxs_of(tree_of(contents))
    return pbx


def secrets(pbx: Pbx) -> dict[str, str]:
    return {peer.name: peer.password.value if peer.password else "" for peer in pbx.peers()}


@pytest.mark.parametrize(
    "text",
    [
        "[201](!)\nsecret=a\n[202](201)\n",
        "[desk](!)\nsecret=x\n[more](!,desk)\nsecret=a\n[202](more)\n",
        "[202]\nsecret=b\nsecret=a\n",
        "[202]\nsecret=a ; not b\n;secret=b\n",
        "[202]\nsecret => a\n",
        "[202]\nsecret=a\n;-- secret=b\n[203]\n;-- deeper --;\nsecret=c\n--; ; [204]\n",
        "[202]\n;--- no block, however long ---\nsecret=a\n",
        "[202]\ntype=friend\n[202](+)\nsecret=a\n",
        "  [202]  (!)\n[202](202)\n\tsecret = a\t\n",
    ],
)
def test_a_secret_however_it_is_written(text: str) -> None:
    assert secrets(pbx_of(sip__conf=text)) == {"202": "a"}


def test_a_secret_with_an_escaped_semicolon() -> None:
    assert secrets(pbx_of(sip__conf="[202]\nsecret=a\\;b ; rest\n")) == {"202": "a;b"}


@pytest.mark.parametrize(
    "how", ['#include "peers.conf"', "#include <peers.conf>", "#tryinclude p*.conf"]
)
def test_an_included_file_counts_in_its_place(how: str) -> None:
    pbx = pbx_of(sip__conf=f"[d](!)\nsecret=a\n{how}\n[203](d)\n", peers__conf="[202](d)\n")
    assert secrets(pbx) == {"202": "a", "203": "a"}
    (peer, _) = pbx.peers()
    assert (peer.section.document.name, peer.section.line) == ("peers.conf", 1)
    assert pbx.missing == ()


def test_files_that_include_each_other_come_to_an_end() -> None:
    pbx = pbx_of(sip__conf="#include sip_a.conf\n[1]\n", sip_a__conf="#include sip.conf\n[2]\n")
    assert set(secrets(pbx)) == {"1", "2"}


def test_a_user_who_may_stand_in_a_file_not_given_is_not_called_missing() -> None:
    tree = good()
    tree["sip.conf"] = b"[general]\nnat=no\n#include sip_additional.conf\n"
    assert [each.rule for each in lint(tree_of(tree))] == []
    tree["sip_additional.conf"] = b"[301]\nsecret=short7pw\n"
    assert [each.rule for each in lint(tree_of(tree))] == ["pbx-user"]


def test_freepbxs_split_files_are_one() -> None:
    tree = good("pjsip.conf")
    text = tree.pop("pjsip.conf").decode()
    at = text.index("[201-auth]")
    tree |= {"pjsip.endpoint.conf": text[:at].encode(), "pjsip.auth.conf": text[at:].encode()}
    assert lint(tree_of(tree)) == []
    tree["pjsip.auth.conf"] = text[at:].replace("short7pw", "another1").encode()
    assert [each.rule for each in lint(tree_of(tree))] == ["pbx-password"]


@pytest.mark.parametrize(
    ("settings", "codecs"),
    [
        ("", None),
        ("disallow=all", set()),
        ("disallow=all\nallow=ulaw", {"ulaw"}),
        ("allow=ulaw", None),
        ("disallow=all\nallow=ulaw,alaw\ndisallow=ulaw", {"alaw"}),
        ("allow=!all,g722,alaw:20", {"g722", "alaw"}),
        ("disallow=all\nallow=all", None),
    ],
)
def test_codecs_in_the_order_they_are_written(settings: str, codecs: set[str] | None) -> None:
    (peer,) = pbx_of(sip__conf=f"[201]\n{settings}\n").peers()
    assert peer.codecs == codecs
    both = f"[general]\n{settings}\n[201]\n"
    assert pbx_of(sip__conf=both).peers()[0].codecs == codecs


def test_what_general_says_holds_for_peers_that_say_nothing() -> None:
    tree = good()
    tree["sip.conf"] = tree["sip.conf"].replace(b"nat=no", b"nat=yes")
    assert [each.rule for each in lint(tree_of(tree))] == ["pbx-nat"]
    tree["sip.conf"] = tree["sip.conf"].replace(b"[201]", b"[201]\nnat=no")
    assert lint(tree_of(tree)) == []


def test_a_tcp_phone_needs_the_pbx_to_listen() -> None:
    tree = good()
    protocol = b"<transportLayerProtocol>"
    tree[SEP] = tree[SEP].replace(protocol + b"2", protocol + b"1")
    tree["sip.conf"] = tree["sip.conf"].replace(b"nat=no", b"nat=no\ntransport=udp,tcp")
    assert ["tcpenable is not yes" in each.found for each in lint(tree_of(tree))] == [True]


_LINES = st.lists(
    st.sampled_from(
        [
            *("[a](!)", "[b](a)", "[general]", "[c](+)", "[", "]", "allow=", "allow=!", "=", ";--"),
            *("--;", "#include sip.conf", "#include ", "#exec x", "type=endpoint", "aors=a,b"),
            *("bind=:x", "port=x", "contact=sip:", "type=aor", "maxexpiry=", "\\;", "auth=a"),
        ]
    )
    | st.text(max_size=20)
).map("\n".join)


@given(_LINES, _LINES)
def test_no_text_makes_it_fall_over(one: str, two: str) -> None:
    tree = GOOD | {
        "sip.conf": one.encode("utf-8", "replace"),
        "pjsip.conf": two.encode("utf-8", "replace"),
    }
    lint(tree_of(tree))


GOOD = {SEP: good()[SEP]}
