"""The console script `chaperone`: one line a command, each loaded only when it is called.

Loading late keeps `chaperone audit` from paying for spaCy and `chaperone check` from paying for DSPy.
"""

from __future__ import annotations

import importlib

import click

from brain.loading import loading

COMMANDS = {
    "up": "proxy.commands.up:up",
    "proxy": "proxy.commands.serve:proxy",
    "persona": "proxy.commands.persona:persona",
    "check": "proxy.commands.check:check",
    "eval": "proxy.commands.evaluate:evaluate",
    "rules": "proxy.commands.rules:rules",
    "audit": "proxy.commands.audit:audit",
    "telegram": "proxy.commands.telegram:telegram",
    "dataset": "proxy.commands.dataset:dataset",
    "train": "proxy.commands.train:train",
    "optimize": "proxy.commands.optimize:optimize",
}


class LateGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        with loading():
            command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=LateGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chaperone")
def main() -> None:
    """A guardrail sidecar for persona chat: checks before release, repairs instead of refusing."""


if __name__ == "__main__":
    main()
