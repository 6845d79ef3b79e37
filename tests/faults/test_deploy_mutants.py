"""Each mutant for deploys replaces something that exists."""

from __future__ import annotations

import pytest

import deploy_mutants


@pytest.mark.parametrize("mutant", deploy_mutants.MUTANTS)
def test_a_mutant_replaces_existing_code(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = []

    def replace(owner: object, method: str, mutation: object) -> None:
        assert callable(getattr(owner, method))
        replaced.append((method, mutation))

    monkeypatch.setattr(deploy_mutants, "_replace", replace)
    deploy_mutants.MUTANTS[mutant]()
    assert len(replaced) == 1
