"""Every rule that a finding may name. A code is never used again for another rule."""

from __future__ import annotations

from typing import Final, NamedTuple

from streamroute.config.findings.finding import Severity


class Rule(NamedTuple):
    """A rule: its code, a name for people, its usual severity, and what it finds in one sentence.

    ``runs`` says of an error that a configuration can be built with it all the same.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    runs: bool = False

    @property
    def silenceable(self) -> bool:
        """Whether a comment in the file may silence it: what can't be built can't be silenced."""
        return self.code not in ABOUT_IGNORES and (self.severity is not Severity.ERROR or self.runs)


ABOUT_IGNORES: Final = ("SR018", "SR019", "SR020")
"""The rules about the comments that silence others."""


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_ALL: Final = (
    # The file.
    Rule("SR001", "unreadable-file", _ERROR, "A configuration file is absent, a folder, or may not be read."),
    Rule("SR002", "not-utf-8", _ERROR, "A configuration file is not UTF-8 text."),
    Rule("SR003", "file-too-large", _ERROR, "A configuration file is larger than 10 MB."),
    Rule("SR004", "yaml-syntax", _ERROR, "A file is not YAML."),
    Rule("SR005", "tab-indentation", _ERROR, "A tab stands where YAML takes spaces only."),
    Rule("SR006", "duplicate-key", _ERROR, "A mapping holds the same key twice."),
    Rule("SR007", "broken-alias", _ERROR, "An alias names no anchor, or the mapping or list that holds it."),
    Rule("SR008", "alias-expansion", _ERROR, "Aliases expand to more values than a configuration can need."),
    Rule("SR009", "key-not-a-string", _ERROR, "A key is a number, a truth value, null, a list or a mapping."),
    Rule("SR010", "unknown-tag", _ERROR, "A YAML tag is none of the core schema's."),
    Rule("SR011", "nested-too-deep", _ERROR, "Mappings and lists are nested deeper than 64 levels."),
    Rule("SR012", "not-a-mapping", _ERROR, "A file is empty, or holds something other than a mapping."),
    Rule("SR013", "several-documents", _ERROR, "A file holds more than one YAML document."),
    Rule("SR014", "broken-merge", _ERROR, "A << takes something other than mappings."),
    Rule("SR015", "include-matches-nothing", _WARNING, "An include matches no file."),
    Rule("SR016", "include-cycle", _ERROR, "A file includes itself, or a file that includes it."),
    Rule("SR017", "number-too-long", _ERROR, "A number has more digits than can be read."),
    Rule("SR018", "unused-ignore", _WARNING, "A comment silences a rule that finds nothing there."),
    Rule("SR019", "malformed-ignore", _WARNING, "A comment that silences names no rule that there is."),
    Rule("SR020", "refused-ignore", _WARNING, "A comment silences a rule that can't be silenced."),
    Rule("SR021", "file-outside", _ERROR, "A file is not below the configuration's folder."),
    Rule("SR022", "include-too-wide", _ERROR, "An include leads to more files than are searched or read."),
    Rule("SR025", "findings-left-out", _INFO, "There are more findings than are shown."),
    Rule("SR026", "check-took-too-long", _ERROR, "A check was ended before it had found everything."),
    Rule("SR027", "too-large-to-check", _ERROR, "A file takes more memory, or stack, than a check has."),
    Rule("SR028", "another-format", _ERROR, "A file is TOML, Python, JSON lines or the like, not YAML."),
    Rule("SR029", "merge-conflict", _ERROR, "A file holds the marks of a merge that is not resolved."),
    Rule("SR030", "not-a-configuration", _ERROR, "A file holds none of a configuration's keys."),
    Rule("SR031", "yaml-versions-differ", _ERROR, "YAML 1.1 and YAML 1.2 read a part of a file otherwise."),
    # The shape.
    Rule("SR101", "unknown-version", _ERROR, "The version is not one that this release reads."),
    Rule("SR102", "unexpected-key", _ERROR, "A mapping holds a key that it does not take."),
    Rule("SR103", "missing-key", _ERROR, "A mapping lacks a key that it needs."),
    Rule("SR104", "wrong-type", _ERROR, "A value is of another type than its key takes."),
    Rule("SR105", "not-a-choice", _ERROR, "A value is none of those that its key takes."),
    Rule("SR106", "out-of-range", _ERROR, "A number is too small or too large."),
    Rule("SR107", "wrong-form", _ERROR, "A string does not have the form that its key takes."),
    Rule("SR108", "wrong-size", _ERROR, "A string or a list is empty, too long, or repeats itself."),
    Rule("SR109", "root-only-key", _ERROR, "An included file holds a key that only the root file may hold."),
    # The catalogue.
    Rule("SR110", "duplicate-message", _ERROR, "A message type is declared twice."),
    Rule("SR111", "schema-unreadable", _ERROR, "The file of a schema is absent, or holds no schema."),
    Rule("SR112", "schema-malformed", _ERROR, "A schema is not as JSON Schema has it."),
    Rule("SR113", "schema-not-local", _ERROR, "A schema is not below the configuration's folder."),
    Rule("SR114", "reference-broken", _ERROR, "A $ref leads nowhere."),
    Rule("SR115", "schema-dialect", _ERROR, "A schema is written in a dialect that is not read."),
    Rule("SR116", "schema-endless", _ERROR, "A schema refers to itself and to nothing else."),
    Rule("SR117", "schema-id-twice", _ERROR, "Two schemas give themselves the same name."),
    Rule("SR118", "keyword-ignored", _WARNING, "A schema uses a keyword that its dialect ignores."),
    Rule("SR119", "pattern-repeats-itself", _WARNING, "A pattern repeats what is itself repeated."),
    Rule("SR120", "patterns-too-costly", _ERROR, "The patterns of the schemas take too long to be read."),
    # The routes.
    Rule("SR201", "duplicate-route", _ERROR, "Two routes have the same name."),
    Rule("SR202", "unknown-stream", _ERROR, "A route names a stream that is not declared.", runs=True),
    Rule("SR203", "stream-needed", _ERROR, "A route names no stream where several are declared.", runs=True),
    Rule("SR204", "pattern-without-catalogue", _ERROR, "A route's type is a pattern without a catalogue."),
    Rule("SR205", "pattern-matches-nothing", _WARNING, "A route's type is a pattern that matches no type."),
    Rule("SR206", "former-name-in-use", _ERROR, "A route's former name is the name of an existing route."),
    Rule("SR207", "former-name-twice", _ERROR, "Two routes of one stream state the same former name."),
    Rule("SR208", "former-group-unchanged", _ERROR, "A stream's former group is its current group."),
    Rule("SR210", "same-route-twice", _WARNING, "Two routes run one handler for the same messages."),
    Rule("SR211", "stream-without-routes", _WARNING, "A stream is declared that no route uses."),
    Rule("SR212", "type-without-route", _INFO, "The catalogue declares a type that no route takes."),
    Rule("SR213", "setting-without-effect", _WARNING, "A key of a retry policy changes nothing."),
    Rule("SR214", "timeout-beyond-grace", _INFO, "A drain cuts an attempt off long before its timeout."),
    Rule("SR215", "group-disagreement", _WARNING, "Two configurations disagree about a group of a stream."),
    Rule("SR216", "timeout-out-of-reach", _WARNING, "Another timeout always comes before this one."),
    Rule("SR217", "constant-dedupe-key", _WARNING, "The key of a route's dedupe never changes."),
    Rule("SR218", "order-within-a-worker", _INFO, "order_by orders nothing between workers."),
    Rule("SR220", "stall-below-lease", _WARNING, "A stream's stall limit is shorter than its lease."),
    Rule(
        "SR221", "unlikely-type", _WARNING, "A route's type is a list in one string, or in quotes of its own."
    ),
    # The expressions.
    Rule("SR301", "filter-syntax", _ERROR, "An expression is not JMESPath."),
    Rule("SR302", "unknown-function", _ERROR, "An expression calls a function that JMESPath does not have."),
    Rule(
        "SR303", "expression-misread", _ERROR, "YAML cuts an expression short or reads it as something else."
    ),
    Rule("SR304", "argument-count", _ERROR, "A function is called with too few or too many arguments."),
    Rule("SR305", "expression-too-large", _ERROR, "An expression is too long or nested too deep."),
    Rule(
        "SR306",
        "expression-always-fails",
        _ERROR,
        "An expression fails, or is null, whatever the message holds.",
    ),
    Rule(
        "SR307", "negation-binds-tighter", _WARNING, "!a.b is read as (!a).b, which looks into a truth value."
    ),
    Rule("SR308", "transform-not-an-object", _ERROR, "A transform never gives an object.", runs=True),
    Rule("SR309", "expression-explodes", _WARNING, "An expression multiplies what it is given without end."),
    Rule("SR310", "argument-type", _ERROR, "A function is given what it never takes.", runs=True),
    Rule("SR311", "contradiction", _ERROR, "A path has to equal two different values at once.", runs=True),
    Rule(
        "SR312",
        "field-for-literal",
        _WARNING,
        "A name stands where a value in quotes or backticks was meant.",
    ),
    Rule("SR313", "number-as-condition", _WARNING, "A condition is a number, which is always true, 0 too."),
    Rule("SR314", "constant-condition", _WARNING, "A condition is always true, or always false, by itself."),
    Rule(
        "SR315",
        "unknown-field",
        _ERROR,
        "A path takes a step that its message's schema rules out.",
        runs=True,
    ),
    Rule(
        "SR316", "no-order", _ERROR, "Two values are ordered that by their schema have no order.", runs=True
    ),
    Rule(
        "SR317",
        "argument-may-be-missing",
        _WARNING,
        "A function fails where its argument is missing or null.",
    ),
    Rule(
        "SR318",
        "settled-by-schema",
        _WARNING,
        "A condition is always true, or false, by the message's schema.",
    ),
    Rule("SR319", "unchecked-expression", _INFO, "An expression is not checked against its schema."),
    Rule("SR320", "collection-as-condition", _WARNING, "A condition is a list or an object, which is true."),
    Rule("SR321", "literal-alternatives", _WARNING, "A chain of && or || holds literals that settle it."),
    Rule("SR322", "payload-by-name", _WARNING, "A path begins with a name for the message itself."),
    Rule("SR323", "length-as-field", _WARNING, "The length of a list is asked for as a field of it."),
    Rule("SR324", "value-in-quotes", _WARNING, "A number or a truth value is written as a string."),
    Rule("SR325", "malformed-literal", _WARNING, "What stands in backticks is not JSON, but a string."),
    Rule("SR326", "field-of-a-list", _WARNING, "A function is given a field of a list, which has none."),
    Rule("SR327", "near-miss", _WARNING, "A name is nearly that of a field that the schema declares."),
    Rule("SR328", "element-type", _WARNING, "A function is given a list of what it never takes."),
    Rule("SR329", "swapped-arguments", _WARNING, "A literal and a field have changed places in a call."),
    Rule("SR330", "never-equal", _WARNING, "A field is compared with a value of a kind that it never has."),
    # The handlers.
    Rule("SR401", "module-not-importable", _ERROR, "The module that a path names does not exist."),
    Rule("SR402", "attribute-missing", _ERROR, "The module has no attribute of that name."),
    Rule("SR403", "not-callable", _ERROR, "What a path names cannot be called."),
    Rule("SR404", "arguments-do-not-fit", _ERROR, "A handler does not take the arguments it would be given."),
    Rule("SR405", "module-not-allowed", _ERROR, "The configuration may not name this module."),
    Rule("SR406", "import-shadowed", _ERROR, "Another module of the same name is imported instead."),
    Rule("SR407", "import-raised", _ERROR, "A module raised an exception while it was imported."),
    Rule("SR408", "payload-annotation", _WARNING, "A handler's annotation is not what it will get."),
    Rule("SR410", "handler-not-verified", _INFO, "Reading its source alone cannot verify a handler."),
    # The environment.
    Rule("SR501", "variable-unset", _ERROR, "An environment variable without a default is not set."),
    Rule("SR502", "variable-value", _ERROR, "A variable's value does not fit the key that takes it."),
    Rule("SR503", "variable-misplaced", _ERROR, "A variable stands where none is replaced."),
    Rule("SR504", "variable-malformed", _ERROR, "A ${...} is neither ${NAME} nor ${NAME:-default}."),
    Rule("SR505", "redis-address", _ERROR, "The address of Redis cannot be used."),
    Rule("SR506", "another-slot", _ERROR, "A cluster would keep a stream's keys on several nodes."),
    Rule("SR507", "dead-letters-misplaced", _ERROR, "Dead letters would go to a key that is in use."),
    # The tests of routes.
    Rule("SR601", "unknown-name-in-test", _ERROR, "A test names a route or a stream that does not exist."),
    Rule("SR602", "disabled-route-in-test", _WARNING, "A test expects a route that is disabled."),
    Rule("SR603", "unusable-message", _ERROR, "A test's message cannot be read, or is no message."),
    Rule("SR604", "duplicate-test", _ERROR, "Two tests of a file have the same name."),
    Rule("SR605", "contradictory-test", _ERROR, "A test expects of a route what cannot be together."),
)

RULES: Final[dict[str, Rule]] = {rule.code: rule for rule in _ALL}
"""Code -> rule, in the order of the codes."""
