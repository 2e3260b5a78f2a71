"""How a command takes its place: bound before anything is said, and clear when the place cannot be had."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import click
import pytest

from proxy.commands.serving import configure_logging, listen


@pytest.fixture
def root_as_it_was() -> Iterator[None]:
    level, ours = logging.getLogger().level, logging.getLogger("chaperone").level
    yield
    logging.getLogger().setLevel(level)
    logging.getLogger("chaperone").setLevel(ours)


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as bound:
        assert bound.getsockname()[1] > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "203.0.113.7", "no.such.host.invalid"])
def test_a_place_that_cannot_be_taken_is_said_in_one_line_that_names_it(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(click.ClickException) as caught:
            listen(host, port)
    assert f"{host}:{port}" in caught.value.message
    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.usefixtures("root_as_it_was")
def test_our_own_lines_are_shown_and_other_libraries_only_warn() -> None:
    configure_logging()
    assert logging.getLogger("chaperone.rules").isEnabledFor(logging.INFO)
    assert not logging.getLogger("chaperone.rules").isEnabledFor(logging.DEBUG)
