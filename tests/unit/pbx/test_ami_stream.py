"""The manager interface's framing, and its client against a scripted server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BenchFault, HarnessBug
from harness.pbx import AmiClient, AmiMessage
from harness.pbx.ami import AmiParser

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
KEY = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)
VALUE = st.text(st.characters(blacklist_characters="\r\n", codec="utf-8"), max_size=20)
FIELDS = st.dictionaries(KEY.filter(lambda key: key != "Output"), VALUE, min_size=1, max_size=5)


def wire(fields: dict[str, str]) -> bytes:
    return "".join(f"{k}: {v}\r\n" for k, v in fields.items()).encode() + b"\r\n"


@given(messages=st.lists(FIELDS, max_size=5), data=st.data())
def test_any_split_or_glue_gives_the_same_messages(
    messages: list[dict[str, str]], data: st.DataObject
) -> None:
    stream = BANNER + b"".join(wire(fields) for fields in messages)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    parser = AmiParser()
    seen = [
        message
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for message in parser.feed(stream[start:end])
    ]
    expected = [{k: v.strip() for k, v in fields.items()} for fields in messages]
    assert [message.fields for message in seen] == expected


def test_one_byte_at_a_time() -> None:
    parser = AmiParser()
    stream = BANNER + wire({"Event": "FullyBooted", "Status": "Fully Booted"})
    seen = [m for byte in stream for m in parser.feed(bytes([byte]))]
    assert [m.event for m in seen] == ["FullyBooted"]


def test_every_line_of_output_is_kept_with_its_indent() -> None:
    text = b"Response: Success\r\nOutput:   Contact: 201\r\nOutput: \r\nOutput: end: 1\r\n\r\n"
    (message,) = AmiParser().feed(text)
    assert message.output == ("  Contact: 201", "", "end: 1")


def test_bytes_that_are_no_text_are_survived() -> None:
    (message,) = AmiParser().feed(b"Event: Hangup\r\nCallerIDName: \xff\xfe\r\n\r\n")
    assert message.fields["CallerIDName"] == "\ufffd\ufffd"


@dataclass
class Script:
    """A manager that answers each expected action once, in order; anything else is an error."""

    steps: list[tuple[str, str]]
    errors: list[str] = field(default_factory=list)
    left: int = 0

    def __post_init__(self) -> None:
        self.left = len(self.steps)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(5.0)
        self.port = self.server.getsockname()[1]
        self.hang_up = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        peer, _ = self.server.accept()
        peer.settimeout(5.0)
        parser = AmiParser()
        with peer:
            peer.sendall(BANNER)
            for action, answer in self.steps:
                received: list[AmiMessage] = []
                while not received:
                    data = peer.recv(4096)
                    if not data:
                        self.errors.append(f"closed before {action}")
                        return
                    received += parser.feed(data)
                (message,) = received
                if message.fields["Action"] != action:
                    self.errors.append(f"{message.fields['Action']} instead of {action}")
                    return
                self.left -= 1
                text = answer.replace("$ID", message.fields["ActionID"]).replace("\n", "\r\n")
                peer.sendall(text.encode())
            self.hang_up.wait(5.0)

    def finish(self) -> None:
        self.hang_up.set()
        self.thread.join(5.0)
        self.server.close()
        assert self.errors == []
        assert self.left == 0, "the transcript was not used up"


LOGIN = ("Login", "Response: Success\nActionID: $ID\nMessage: Authentication accepted\n\n")


@dataclass
class Session:
    client: AmiClient
    script: Script
    events: Queue[AmiMessage]
    lost: Queue[str]


@pytest.fixture
def session() -> Iterator[Callable[..., Session]]:
    opened: list[Session] = []

    def open_(*steps: tuple[str, str]) -> Session:
        script = Script([LOGIN, *steps])
        events: Queue[AmiMessage] = Queue()
        lost: Queue[str] = Queue()
        client = AmiClient("127.0.0.1", script.port, events.put, lost.put)
        opened.append(Session(client, script, events, lost))
        client.login("harness", "secret")
        return opened[-1]

    yield open_
    for item in opened:
        item.client.close()
        item.script.finish()


def test_command_output(session: Callable[..., Session]) -> None:
    answer = "Response: Success\nActionID: $ID\nOutput: one\nOutput: two\n\n"
    assert session(("Command", answer)).client.command("core show version") == "one\ntwo"


def test_a_list_ends_with_its_complete_event(session: Callable[..., Session]) -> None:
    answer = (
        "Response: Success\nActionID: $ID\nEventList: start\n\n"
        "Event: Hangup\nChannel: PJSIP/201-00000001\n\n"
        "Event: ContactList\nActionID: $ID\nUri: sip:201@a\n\n"
        "Event: ContactListComplete\nActionID: $ID\nEventList: Complete\nListItems: 1\n\n"
    )
    open_ = session(("PJSIPShowContacts", answer))
    messages = open_.client.action("PJSIPShowContacts")
    assert [m.event for m in messages] == ["", "ContactList", "ContactListComplete"]
    # What got in between belongs to nobody's answer.
    assert open_.events.get(timeout=2.0).event == "Hangup"
    assert open_.events.empty()


def test_two_answers_in_one_packet_find_their_askers(session: Callable[..., Session]) -> None:
    ping = "Response: Success\nActionID: $ID\nPing: Pong\n\n"
    open_ = session(("Ping", ping), ("Ping", ping))
    assert [open_.client.action("Ping")[0].fields["Ping"] for _ in range(2)] == ["Pong", "Pong"]


def test_refused_login() -> None:
    refusal = "Response: Error\nActionID: $ID\nMessage: Authentication failed\n\n"
    script = Script([("Login", refusal)])
    lost: list[str] = []
    client = AmiClient("127.0.0.1", script.port, lambda _: None, lost.append)
    with pytest.raises(BenchFault, match="refused the login: Authentication failed"):
        client.login("harness", "wrong")
    client.close()
    script.finish()
    assert lost == []


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(BenchFault, match="does not answer"):
        AmiClient("127.0.0.1", port, lambda _: None, lambda _: None)


def test_no_answer_in_time_names_the_action(session: Callable[..., Session]) -> None:
    with pytest.raises(BenchFault, match="no answer to the manager action Ping") as fault:
        session(("Ping", "")).client.action("Ping", within=0.1)
    assert "within 0" in fault.value.expected


def test_connection_lost_is_told_once_and_wakes_the_asker(session: Callable[..., Session]) -> None:
    open_ = session(("Ping", ""))
    threading.Timer(0.1, open_.script.hang_up.set).start()
    with pytest.raises(BenchFault, match="no answer"):
        open_.client.action("Ping", within=30.0)
    assert open_.lost.get(timeout=2.0) == "the manager connection was closed"
    assert open_.lost.empty()


def test_closing_ourselves_is_no_loss(session: Callable[..., Session]) -> None:
    open_ = session()
    open_.client.close()
    assert open_.lost.empty()


def test_an_action_from_the_reader_is_a_bug_at_once() -> None:
    raised: Queue[Exception] = Queue()
    script = Script([("Login", "Event: Hangup\n\n" + LOGIN[1])])

    def ask(_: AmiMessage) -> None:
        try:
            client.action("Ping")
        except HarnessBug as error:
            raised.put(error)

    client = AmiClient("127.0.0.1", script.port, ask, lambda _: None)
    client.login("harness", "secret")
    assert "while handling a manager event" in str(raised.get(timeout=2.0))
    client.close()
    script.finish()


def test_a_line_break_cannot_smuggle_in_a_second_action(session: Callable[..., Session]) -> None:
    with pytest.raises(HarnessBug, match="line break"):
        session().client.action("Command", Command="core show version\r\nAction: Logoff")
