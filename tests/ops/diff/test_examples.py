"""Examples of changed events show nothing that a configuration hides."""

from __future__ import annotations

from compared_configs import STREAM, compiled
from streamroute.ops.diff.comparison import ConfigComparison
from streamroute.ops.diff.examples import Examples
from streamroute.payload_redaction import PayloadRedactor

SECRET = "ann@example.com"


def test_a_line_shows_no_hidden_value_of_its_event() -> None:
    old = compiled(
        [
            {"name": "filtered", "type": "t", "filter": f"guest.email == '{'x' * 3}'"},
            {"name": "moved", "type": "t", "transform": "{to: guest.email}"},
        ]
    )
    new = compiled(
        [
            {"name": "filtered", "type": "t", "filter": "starts_with(guest.email, 'ann')"},
            {"name": "moved", "type": "t", "transform": "{to: join('', [guest.email, '!'])}"},
        ]
    )
    examples = Examples(redactor=PayloadRedactor(["guest.email"]))
    comparison = ConfigComparison(old, new, STREAM, examples)
    comparison.add_event("line 1", {"type": "t", "guest": {"email": SECRET}})
    found = [example for route in comparison.result().routes for example in route.events.examples]
    assert len(found) == 2
    assert SECRET not in repr(found)
    assert repr(found).count("(redacted)") >= 2
