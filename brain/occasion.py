"""The occasion of a reply: what it goes by besides what was said and who the persona is.

It stands apart as plain values, so that a program can be run and measured on any occasion without a memory, a clock or
a service around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COMFORT = "Comfort"
STORY = "TellStory"


@dataclass(frozen=True, slots=True)
class Occasion:
    """The occasion of one reply; what is empty is not known, or not worth a word, and is not told.

    `kind` names the signature of the reply. `situation` are facts about the hour and the course of the conversation,
    `remark` what of them is worth a word now, `stage` what the two are to each other. `memory` sums up what was said
    before the transcript begins, `fan` are the facts known of the fan, one a line.
    """

    kind: str = "Reply"
    situation: str = ""
    remark: str = ""
    stage: str = ""
    memory: str = field(default="", repr=False)
    fan: str = field(default="", repr=False)

    def fields(self) -> dict[str, str]:
        """What is told of it, by the fields of the signature."""
        return {
            "situation": self.situation, "remark": self.remark, "stage": self.stage, "memory": self.memory,
            "fan": self.fan,
        }  # fmt: skip


# Nothing is known but what was said.
PLAIN = Occasion()
