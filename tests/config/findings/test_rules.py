"""The registry of rules."""

from __future__ import annotations

import re

from streamroute.config.findings.rules import RULES


def test_codes_and_names_are_unique_and_well_formed() -> None:
    assert list(RULES) == sorted(RULES)
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    for code, rule in RULES.items():
        assert rule.code == code
        assert re.fullmatch(r"SR[0-6][0-9]{2}", code)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
        assert rule.summary.endswith(".")
