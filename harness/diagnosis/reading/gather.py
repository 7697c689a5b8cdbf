"""Any mix of files and folders, told apart by what is in them, becomes one case."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.diagnosis.case import Case, Clue
from harness.diagnosis.reading.logs import LogReader
from harness.diagnosis.reading.sip_debug import SipDebug
from harness.errors import HarnessBug, UsageFault
from harness.events import ConnectionRefused
from harness.evidence import recall
from harness.provisioning.lint import Tree, read_tree
from harness.timeline import TIMELINES, read_timeline

__all__ = ["name_from", "read_case", "read_lines", "unpack"]

#: Classic pcap in both byte orders, with micro- and nanoseconds; pcapng.
_CAPTURE = {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"}
_CAPTURE |= {b"\x0a\x0d\x0d\x0a"}
_CONFIGURATION = {".xml", ".cnf", ".conf", ".loads", ".sgn"}
_IGNORED = {".html", ".json", ".css", ".js", ".png", ".bmp", ".sbn", ".jar", ".wav", ".raw"}
#: What the harness makes of a timeline and a capture: clues are taken from those, and once.
_TOLD_AGAIN = {"ladder.txt", "timeline.txt", "rtp.txt", "lamps.txt", "status.txt", "missing.txt"}
_LARGEST = 256 * 1024 * 1024
#: Bytes of a file that tell text from what is not.
_START = 4096


def read_case(paths: Sequence[Path], *, test: str = "") -> Case:
    """Read everything at the paths.

    Args:
        paths: captures (pcap, pcapng), logs, configuration files, ``timeline.jsonl``, folders of
            these, and bundles (zip), also within a folder.
        test: of a timeline, only the records of this test.

    Raises:
        UsageFault: a path is not there, or a file that should be readable is not.
    """
    # Mail comes with zips in it; within those nothing more is unpacked, or there is no end to it.
    return _read([*paths, *(each for path in paths for each in _bundles(path))], test)


def _read(paths: Sequence[Path], test: str) -> Case:
    case = Case()
    configurations: list[Path] = []
    for path in paths:
        if zipfile.is_zipfile(path):
            with TemporaryDirectory(prefix="phone-bench-") as folder:
                unpack(path, Path(folder))
                inside = _read([Path(folder)], test)
                name_from(inside.files, Path(folder), path)
            case.clues += inside.clues
            _join(case.files, inside.files)
            continue
        if path.is_file() and not _readable(path):
            raise UsageFault(
                f"{path} is neither a capture, a log, a configuration file, nor a whole zip",
                hint="unpack an archive of another kind first; have a damaged file sent again",
            )
        timelines = _timelines(path)
        for file, name in _files(path):
            told = any(folder in file.parents for folder in timelines)
            if told and (file.name in _TOLD_AGAIN or file.parent.name == "transfers"):
                continue
            if file.match(TIMELINES) and any(f in file.parent.parents for f in timelines):
                continue
            if file.suffix.lower() in _CONFIGURATION:
                configurations.append(file)
            else:
                clues = _clues(file, name, test)
                # A timeline has all of the capture beside it but what nobody looks for live.
                case.clues += [
                    clue
                    for clue in clues
                    if not (told and file.suffix == ".pcap")
                    or isinstance(clue.event, ConnectionRefused)
                ]
    # A folder with a timeline is evidence, which holds what was fetched; any other may be a root.
    folders = [path for path in paths if path.is_dir() and not _timelines(path)]
    if configurations:
        tree = read_tree(configurations)
        tree.whole = bool(folders)
        _join(case.files, tree)
    if all(clue.time for clue in case.clues):
        case.clues.sort(key=lambda clue: clue.time)
    return case


def read_lines(lines: Iterable[str], name: str, reader: LogReader | None = None) -> Iterator[Clue]:
    """Yield the clues of a log, as its lines come."""
    reader = reader or LogReader()
    debug = SipDebug()
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        time = LogReader.time(text)
        if (message := debug.take(number, text)) is not None:
            yield Clue(f"{name}:{message[0]}", message[1], time)
        if text.strip():
            for event in reader.events(text):
                yield Clue(f"{name}:{number}", event, time)
    if (message := debug.end()) is not None:
        yield Clue(f"{name}:{message[0]}", message[1])


def _bundles(path: Path) -> list[Path]:
    if not path.is_dir() or _timelines(path):
        return []
    return sorted(each for each in path.rglob("*.zip") if zipfile.is_zipfile(each))


def _readable(file: Path) -> bool:
    """Whether a file is of a kind that is looked into."""
    if file.suffix.lower() in _CONFIGURATION | _IGNORED:
        return True
    try:
        with file.open("rb") as opened:
            start = opened.read(_START)
    except OSError as error:
        raise UsageFault(f"cannot read {file}: {error.strerror}") from error
    return start[:4] in _CAPTURE or b"\0" not in start


def _timelines(path: Path) -> set[Path]:
    return {file.parent for file in path.rglob(TIMELINES)} if path.is_dir() else set()


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    if path.is_dir():
        for file in sorted(each for each in path.rglob("*") if each.is_file()):
            if file.suffix.lower() not in _IGNORED:
                yield file, file.relative_to(path).as_posix()
    elif path.exists():
        yield path, path.name
    else:
        raise UsageFault(f"there is no {path}", hint="give captures, logs, folders or a bundle")


def _clues(file: Path, name: str, test: str) -> list[Clue]:
    if file.match(TIMELINES):
        try:
            records = read_timeline(file)
        except (OSError, UnicodeDecodeError, HarnessBug) as error:
            raise UsageFault(f"{file} is no timeline that can be read: {error}") from error
        return Case.of_records(each for each in records if not test or each.test == test).clues
    try:
        if file.stat().st_size > _LARGEST:
            raise UsageFault(
                f"{file} is larger than {_LARGEST >> 20} MiB",
                hint="cut the piece around the failure out of it",
            )
        with file.open("rb") as opened:
            start = opened.read(4)
        if start in _CAPTURE:
            return [Clue(f"{name} frame {s.frame}", s.event, s.time) for s in recall(file)]
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageFault(f"cannot read {file}: {error.strerror}") from error
    if "\0" in text[:_START]:
        return []
    return list(read_lines(text.splitlines(), name))


def unpack(path: Path, folder: Path) -> None:
    """Unpack a bundle.

    Raises:
        UsageFault: it is no zip that can be read, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            if sum(item.file_size for item in bundle.infolist()) > 4 * _LARGEST:
                raise UsageFault(f"{path} unpacks to more than {4 * _LARGEST >> 20} MiB")
            bundle.extractall(folder)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UsageFault(f"{path} is no bundle that can be read: {error}") from error
    except (RuntimeError, NotImplementedError) as error:
        raise UsageFault(
            f"{path} is locked by a password, or packed in a way that is not known here",
            hint="unpack it, and give the folder",
        ) from error


def name_from(tree: Tree, folder: Path, shown: Path = Path()) -> None:
    """Name documents that lie in a folder as whoever gave it knows them: below ``shown``."""
    for document in tree.documents:
        path = Path(document.path)
        if path.is_relative_to(folder):
            document.path = str(shown / path.relative_to(folder))


def _join(tree: Tree, other: Tree) -> None:
    tree.documents += other.documents
    tree.sizes |= other.sizes
    tree.contents |= other.contents
    tree.whole = tree.whole or other.whole
