"""Read NAME.test.yaml: tests of the routes that messages take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from streamroute.config.files.includes import MAX_FILES, TEST_SUFFIX
from streamroute.config.files.loader import ALLOW_OUTSIDE, load_file
from streamroute.config.findings.finding import START, Finding
from streamroute.config.findings.quoting import quote_value
from streamroute.config.findings.text_file import TextFile
from streamroute.config.json_schema import TESTS
from streamroute.config.load import VERSION
from streamroute.config.schema.findings import check_against_schema
from streamroute.config.yaml.source import SourceFile, SourceLocation
from streamroute.system.files import FileReader
from streamroute.system.opening import FileKind, OutsideFolderError
from streamroute.text.bounded_json import loads_bounded
from streamroute.text.json_problems import describe_json_error


@dataclass(frozen=True, slots=True)
class EntryReference:
    """A reference to an entry in a stream; its message is read when the test runs."""

    stream: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTest:
    """A message, and the routes expected to take it.

    ``message`` is None if it cannot be read. ``transform`` maps routes to the expected input of their
    handlers; ``dead_letter`` are the routes expected to fail before their handler; ``invalid``: the whole
    message is expected to be dead-lettered. ``shadow`` are the shadows expected to match; None expects
    nothing of them. ``stream`` is None if the test covers the routes of all streams.
    """

    name: str
    message: Mapping[str, Any] | EntryReference | None
    routes: tuple[str, ...]
    location: SourceLocation
    stream: str | None = None
    transform: Mapping[str, Any] = field(default_factory=dict)
    dead_letter: tuple[str, ...] = ()
    invalid: bool = False
    shadow: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RouteTestSuite:
    """The tests of several files, in order, with their findings; ``files`` are the texts by path."""

    tests: tuple[RouteTest, ...] = ()
    findings: tuple[Finding, ...] = ()
    files: Mapping[str, TextFile] = field(default_factory=dict, repr=False)


def find_test_files(folders: Iterable[Path], files: FileReader) -> list[Path]:
    """Return the test files directly in these folders, sorted."""
    paths = {
        folder / name for folder in folders for name in files.listing(folder) if name.endswith(TEST_SUFFIX)
    }
    return sorted(path for path in paths if files.kind(path) is not FileKind.FOLDER)


def load_route_tests(
    paths: Iterable[Path], files: FileReader, *, max_files: int = MAX_FILES
) -> RouteTestSuite:
    """Read up to ``max_files`` test files, and the message files that they name, with ``files``.

    Never raises because of a file's content.
    """
    tests: list[RouteTest] = []
    findings: list[Finding] = []
    texts: dict[str, TextFile] = {}
    for path in paths:
        if len(texts) == max_files:
            message = f"more than {max_files:,} test files: this one and the rest are not read"
            file = TextFile(str(path), "")
            findings.append(file.finding("SR022", message, START))
            return RouteTestSuite(tuple(tests), tuple(findings), {**texts, file.path: file})
        loaded = load_file(path, files=files)
        texts[loaded.file.path] = loaded.file
        findings += loaded.findings
        if loaded.source is not None:
            reading = _TestFileReader(loaded.source, files)
            tests += reading.tests()
            findings += reading.findings
    return RouteTestSuite(tuple(tests), tuple(findings), texts)


class _TestFileReader:
    """Reads a test file."""

    def __init__(self, source: SourceFile, files: FileReader) -> None:
        self.source = source
        self.files = files
        self.findings: list[Finding] = []

    def tests(self) -> Iterator[RouteTest]:
        if self.source.data.get("version", VERSION) != VERSION:
            message = f"unknown version {quote_value(self.source.data['version'])}"
            span = self.source.span(("version",))
            self.findings.append(self.source.finding("SR101", message, span, help="write version: 1"))
            return
        report = check_against_schema(self.source, self.source.data, {}, TESTS)
        self.findings += report.findings
        invalid = {path[1] for path in report.invalid if path[0] == "tests" and len(path) > 1}
        if ("tests",) in report.invalid or "tests" not in self.source.data:
            return
        first: dict[str, int] = {}
        for at, settings in enumerate(self.source.data["tests"]):
            if at not in invalid:
                self._refuse_second(settings["name"], at, first)
                yield self._test(settings, at)

    def _refuse_second(self, name: str, at: int, first: dict[str, int]) -> None:
        if first.setdefault(name, at) != at:
            line = self.source.span(("tests", first[name], "name")).line
            location = SourceLocation(self.source, ("tests", at, "name"))
            self.findings.append(
                location.finding(
                    "SR604", f"duplicate test name {quote_value(name)}: first used on line {line}"
                )
            )

    def _test(self, settings: Mapping[str, Any], at: int) -> RouteTest:
        location = SourceLocation(self.source, ("tests", at))
        failing = settings.get("dead_letter", False)
        return RouteTest(
            name=settings["name"],
            message=self._message(settings["message"], location),
            routes=tuple(settings["routes"]),
            location=location,
            stream=settings.get("stream"),
            transform=settings.get("transform", {}),
            dead_letter=tuple(failing) if isinstance(failing, list) else (),
            invalid=failing is True,
            shadow=tuple(settings["shadow"]) if "shadow" in settings else None,
        )

    def _message(self, value: Any, location: SourceLocation) -> Mapping[str, Any] | EntryReference | None:
        try:
            return _message(value, Path(self.source.path).parent, self.files)
        except OutsideFolderError:
            message = f'"{value}" is outside the configuration folder'
            self.findings.append(location.finding("SR021", message, at=("message",), help=ALLOW_OUTSIDE))
        except _InvalidMessageError as error:
            self.findings.append(location.finding("SR603", str(error), at=("message",), help=_FORMS))
        return None


_BOM: Final = b"\xef\xbb\xbf"
_FORMS: Final = 'a message is a mapping with its "type", the path of a JSON file, or {stream: NAME, id: ID}'


class _InvalidMessageError(Exception):
    """Raised if a value is not a valid message."""


def _message(value: Any, folder: Path, files: FileReader) -> Mapping[str, Any] | EntryReference:
    if isinstance(value, str):
        return _from_file(folder / value, files)
    if value.keys() == {"stream", "id"}:
        return EntryReference(str(value["stream"]), str(value["id"]))
    return _require_type(value, "the message")


def _from_file(path: Path, files: FileReader) -> Mapping[str, Any]:
    try:
        text = files.read(path).removeprefix(_BOM).decode()
    except OutsideFolderError:
        raise
    except OSError as error:
        raise _InvalidMessageError(f"could not read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _InvalidMessageError(f"{path} is not UTF-8 text") from None
    except ValueError:
        raise _InvalidMessageError(f"{quote_value(str(path))} is not a valid file name") from None
    try:
        message = loads_bounded(text)
    except (ValueError, RecursionError) as error:
        raise _InvalidMessageError(f"{path} {describe_json_error(text, error)}") from None
    if not isinstance(message, dict):
        raise _InvalidMessageError(f"{path} does not contain a JSON object")
    return _require_type(message, str(path))


def _require_type(message: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    message_type = message.get("type")
    if isinstance(message_type, str) and message_type:
        return message
    problem = (
        'has no "type"'
        if message_type is None
        else f'has {quote_value(message_type)} as its "type", which must be a string'
    )
    raise _InvalidMessageError(f"{source} {problem}")
