"""The local classifier's place in the catalog.

No trained weights are shipped yet, so an entry that asks for a head is refused when the rules are loaded: a guard that
an operator believes to be on must never be silently off.
"""

from __future__ import annotations

from collections.abc import Sequence

from guards.detectors.base import BuildProblem, Detector, Source


def build(sources: Sequence[Source]) -> Detector:
    """Refuses: raises BuildProblem for the first entry."""
    source = sources[0]
    raise BuildProblem(
        source,
        f"no trained classifier is installed, so classifier: {source.entry.classifier} cannot judge; "
        "remove the entry, or use terms, pattern, phrase or pii",
    )
