"""What a phone was handed is kept as it was, whatever lies there later."""

from __future__ import annotations

from pathlib import Path

from harness.events import FileServed
from harness.provisioning.as_served import AsServed
from harness.timeline import Timeline


def test_the_file_as_it_was_when_served(tmp_path: Path) -> None:
    timeline, served = Timeline(), AsServed(tmp_path)
    timeline.listen(served)
    file = tmp_path / "SEP0024C4ABCDEF.cnf.xml"

    def serve(name: str, device: str = "desk", size: int = 10) -> None:
        event = FileServed(name, "10.0.0.42", 49152, size, 1, 0, 0.1)
        timeline.append(event, source="tftp", device=device)

    file.write_text("<first/>")
    (tmp_path / "app.sbn").write_bytes(b"\0")
    serve(file.name)
    file.write_text("<second/>")
    serve("/app.sbn")
    serve("gone.xml")
    serve("../escape.xml", size=1 << 20)
    serve(file.name, device="")
    assert served.of("desk") == {file.name: "<first/>"}
    assert served.of("other") == {}
    serve(file.name)
    assert served.of("desk") == {file.name: "<second/>"}
