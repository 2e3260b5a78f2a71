"""`chaperone train`: rebuilds the local models from labelled messages: the classifier, or what reads the fan."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import time
from pathlib import Path
from typing import NoReturn

import click

from brain import reading_rows
from brain.labelled import FILE_NAME, Row, other_people, read_rows
from brain.reading import MODELS as READING_MODELS
from brain.reading_training import train_reading
from brain.settings import PersonaSettings
from guards.detectors.classifier import MODELS
from guards.detectors.embedder import FILE as EMBEDDER_FILE
from guards.errors import DetectorError, PolicyError, Problem, TrainingError
from guards.training.examples import Example, Plan, spoken_after
from proxy.commands.check import ERROR
from proxy.commands.flags import proxy_settings, read
from proxy.commands.persona import embedded
from proxy.rule_files import read_policy

# How many harmless messages of other people are shown beside the rows of `train reading`.
OTHERS = 4_000
# Messages that nobody labelled, one a line: what more the glance learns from.
SAYINGS = "sayings.txt"
_NEEDED = ("torch", "onnx", "safetensors")


@click.group(invoke_without_command=True)
@click.pass_context
@click.option(
    "--rows", type=click.Path(path_type=Path), help="Labelled rows; else moderation.jsonl of the training data."
)
@click.option("--base", help="A folder or an installed package with the base model's weights.")
@click.option("--out", type=click.Path(path_type=Path), default=MODELS, show_default=False, help="The model's folder.")
@click.option("--layers", type=click.IntRange(1, 12), default=6, help="Layers of the base model to keep.")
@click.option("--epochs", type=click.IntRange(1, 20), default=4, help="How often over all rows.")
@click.option("--seed", type=int, default=0, help="Of everything random.")
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), help="The rules folder: its ids are the labels.")
def train(
    context: click.Context,
    *,
    rows: Path | None,
    base: str | None,
    out: Path,
    layers: int,
    epochs: int,
    seed: int,
    rules_dir: Path | None,
) -> None:
    """Train gate, glance and transformer on ROWS and write them, with their scores, to OUT. With a command: train that
    instead.

    Needs the extra packages torch, onnx and safetensors, and the weights of all-MiniLM-L6-v2 (or of another BERT of its
    shape). Exit code 0, or 2 when something is missing or cannot be read.
    """
    if context.invoked_subcommand:
        return
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        _fail(f"training needs {', '.join(missing)}: make train-tools installs them")
    # Imported here because only who trains has torch.
    from guards.training.train import train as run  # noqa: PLC0415

    began = time.monotonic()
    try:
        policy, _ = read_policy(proxy_settings(rules=rules_dir).rules)
        labels = sorted(rule.id for rule in policy.rules)
        data = read(PersonaSettings, {}).training_data
        labelled = read_rows(rows or data / FILE_NAME, labels)
        examples = [as_example(row) for row in labelled]
        used = [label for label in labels if any(label in example.labels for example in examples)]
        plan = Plan(layers=layers, epochs=epochs, seed=seed)
        card = run(examples, used, out, plan, click.echo, base=base, sayings=sayings_in(data))
    except PolicyError as error:
        _fail(*map(str, error.problems))
    except TrainingError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{out}: cannot be written: {error.strerror}")
    click.echo(json.dumps(card["labels"], indent=1))
    click.echo(f"model {card['version']} in {out} after {(time.monotonic() - began) / 60:.0f} minutes")


@train.command()
@click.option("--rows", type=click.Path(path_type=Path), help=f"JSONL rows. [training_data/{reading_rows.FILE_NAME}]")
@click.option(
    "--out", type=click.Path(path_type=Path), default=READING_MODELS, show_default=False, help="The model's folder."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides which rows are held out when.")
def reading(*, rows: Path | None, out: Path, seed: int) -> None:
    """Train how messages of fans are read from rows {text, intent, emotion, sentiment, lang}; two minutes, no torch.

    Harmless rows of moderation.jsonl beside them show what is no distress. Exit code 0, or 2 when something cannot be
    read or written.
    """
    began = time.monotonic()
    try:
        path = rows or read(PersonaSettings, {}).training_data / reading_rows.FILE_NAME
        labelled = reading_rows.read_reading_rows(path)
        others = other_people(path.parent / FILE_NAME, OTHERS)
        first = hashlib.blake2b((MODELS / EMBEDDER_FILE).read_bytes(), digest_size=8).hexdigest()
        card = train_reading(labelled, out, others=others, embed=embedded, embedder=first, seed=seed)
    except PolicyError as error:
        _fail(*map(str, error.problems))
    except DetectorError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{out}: cannot be written: {error.strerror}")
    shown = ("intent", "distress", "emotion", "sentiment")
    click.echo(json.dumps({name: card["with_embedder"][name] for name in shown}, indent=1))
    click.echo(f"model in {out} after {time.monotonic() - began:.0f} seconds")


def sayings_in(folder: Path) -> list[str]:
    """Messages that nobody labelled for the rules, each once: the lines of SAYINGS and the texts of the readings, where
    `folder` holds them. Raises PolicyError."""
    file, readings = folder / SAYINGS, folder / reading_rows.FILE_NAME
    try:
        said = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    except (OSError, ValueError) as error:
        raise PolicyError([Problem(str(file), 0, f"cannot be read as UTF-8 text: {type(error).__name__}")]) from None
    said += [row.text for row in reading_rows.read_reading_rows(readings)] if readings.exists() else []
    return list(dict.fromkeys(filter(None, map(str.strip, said))))


_ROLES = {"user": "user", "fan": "user", "assistant": "assistant", "persona": "assistant"}


def as_example(row: Row) -> Example:
    """A labelled row as the classifier is taught with it."""
    speaker = "user" if row.stage == "input" else "assistant"
    context = spoken_after([(_ROLES[turn.role], turn.text) for turn in row.context])
    return Example(row.text, frozenset(row.labels), speaker, context)


def _fail(*lines: str) -> NoReturn:
    for line in lines:
        click.echo(line, err=True)
    raise SystemExit(ERROR)
