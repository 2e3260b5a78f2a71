"""Rules folders made from the shipped rules, for the rows that leave something out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from bench.corpus import ROOT
from brain.yaml_lines import read

RULES = ROOT / "rules"
Json = dict[str, Any]


def switched_off(folder: Path) -> Path:
    """Every rule with `mode: off`: what the proxy costs by itself."""
    return _changed(folder, lambda rule: {**rule, "mode": "off"})


def without_transformer(folder: Path) -> Path:
    """Every rule without its classifier entries: terms, patterns, phrases and Presidio alone."""
    return _changed(
        folder, lambda rule: {**rule, "find": [entry for entry in rule["find"] if "classifier" not in entry]}
    )


def _changed(folder: Path, change: Callable[[Json], Json]) -> Path:
    """The shipped rules in `folder`, each as `change` makes it; their examples speak of the whole rule and stay out."""
    shutil.copytree(RULES, folder)
    for path in folder.glob("*.yaml"):
        if path.name != "policy.yaml":
            rule = change(read(path.read_text(encoding="utf-8"), path.name).value)
            rule["examples"] = [{"allow": "what a lovely morning"}]
            path.write_text(yaml.safe_dump(rule, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder
