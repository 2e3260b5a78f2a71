"""`chaperone dataset`: feedback and the blocked-turn log as files to learn from."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from guards.errors import ChaperoneError, PolicyError
from proxy.audit import read_records
from proxy.commands.flags import proxy_settings
from proxy.dataset import Made, examples, finetune, preferences
from proxy.feedback import read_feedback
from proxy.rule_files import load

KINDS = ("examples", "preferences", "finetune")


@click.command()
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What is to be learnt.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the stores live. [./data]")
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), help="The rules that every reply is judged by.")
def dataset(kind: str, out: Path, force: bool, data: Path | None, rules_dir: Path | None) -> None:
    """Export what was liked, and what was not, to a file.

    examples: liked replies as conversations, in the shape of conversations.json (one JSON object). preferences: pairs
    of a better and a worse reply to the same words. finetune: chat fine-tuning rows. The last two are JSONL. A reply
    that the rules find something in never goes out as one to imitate.
    """
    if out.exists() and not force:
        raise click.ClickException(f"{out} is there already: name another file, or overwrite it with --force")
    settings = proxy_settings(data=data, rules=rules_dir)
    try:
        made = _made(kind, settings.data, settings.rules)
    except PolicyError as error:
        raise click.ClickException(f"the rules in {settings.rules} are refused:\n{error}") from None
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None
    for why, count in sorted(made.left_out.items(), key=lambda pair: (-pair[1], pair[0])):
        click.echo(f"left out  {count:>6}  {why}")
    if not made.rows:
        raise click.ClickException(f"there is nothing to export from {settings.data}: no file is written")
    _write(out, _text(kind, made))
    click.echo(f"written   {len(made.rows):>6}  {kind} to {out}")


def _made(kind: str, data: Path, rules: Path) -> Made:
    guard = load(rules, gate=False)
    given = read_feedback(data)
    if kind == "examples":
        return examples(given, guard)
    return preferences(given, read_records(data), guard) if kind == "preferences" else finetune(given, guard)


def _text(kind: str, made: Made) -> str:
    if kind == "examples":
        return json.dumps({"conversations": made.rows}, ensure_ascii=False, indent=1) + "\n"
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made.rows)


def _write(path: Path, text: str) -> None:
    """Puts the file there whole or not at all, for its owner alone to read: it holds what fans said. Raises
    click.ClickException."""
    draft: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as file:
            draft = Path(file.name)
            file.write(text)
        draft.replace(path)
    except (OSError, UnicodeError) as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        raise click.ClickException(f"{path} cannot be written: {type(error).__name__}") from None
