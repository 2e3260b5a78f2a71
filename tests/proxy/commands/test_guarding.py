"""The proxy on a socket it was given: what is wrong with its parts is said for a person to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from brain.server import listen
from proxy.commands.guarding import guard_port
from proxy.settings import ProxySettings


def test_rules_and_stores_that_cannot_be_used_are_said_before_anything_is_served(
    make_rules: Callable[..., Path], tmp_path: Path
) -> None:
    def refusal(**given: Path) -> str:
        settings = ProxySettings(**{"rules": rules, "data": tmp_path / "data", **given})
        with listen("127.0.0.1", 0) as listener, pytest.raises(click.ClickException) as caught:
            guard_port(settings, listener, lambda: pytest.fail("it was served"))
        return caught.value.message

    rules = make_rules()
    (tmp_path / "file").write_text("not a folder")
    assert "audit store" in refusal(data=tmp_path / "file")
    (rules / "animals.yaml").write_text("id: animals\noddity: 1\n")
    assert "animals.yaml:2: " in refusal()
