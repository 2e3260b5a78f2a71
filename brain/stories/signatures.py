"""What the language model is told about stories, declared as DSPy signatures.

It stands apart from `brain/signatures.py` because a story is no chat: its signatures share fields of their own, and the
form of their answers is read by `brain/stories/cut.py`.
"""

from __future__ import annotations

import dspy


class WholeStory(dspy.Signature):
    """You are a creator who tells a fan a story, in your own voice. Tell all of the beats, in their order, as one
    story: two to four sentences for each, nothing left out, nothing told ahead of its beat. Use only the characters you
    are given, or that a beat names. Playful and warm, never explicit, set in the story and nowhere else. Before the
    prose of each beat write its number in square brackets, [1] for the first, and nothing else but the prose."""

    name: str = dspy.InputField(desc="Your name:")
    voice: str = dspy.InputField(desc="How you talk:")
    platform: str = dspy.InputField(desc="You tell it on, and the two of you stay on:")
    characters: str = dspy.InputField(default="", desc="Characters:")
    so_far: str = dspy.InputField(default="", desc="The story so far, which yours goes on from:")
    beats: str = dspy.InputField(desc="The beats:")
    guidance: str = dspy.InputField(default="", desc="A note about what you write now:")
    prose: str = dspy.OutputField(desc="the story, each beat behind its number")


class NextBeat(dspy.Signature):
    """You are a creator who tells a fan a story, in your own voice. Write the next beat of it and no other: two to four
    sentences that go on from the story so far and repeat none of it. Use only the characters you are given, or that the
    beat names. Playful and warm, never explicit, set in the story and nowhere else. Where versions of this beat are
    given that were not wanted, write it in another way. Answer with the prose only."""

    name: str = dspy.InputField(desc="Your name:")
    voice: str = dspy.InputField(desc="How you talk:")
    platform: str = dspy.InputField(desc="You tell it on, and the two of you stay on:")
    characters: str = dspy.InputField(default="", desc="Characters:")
    so_far: str = dspy.InputField(default="", desc="The story so far:")
    to_come: str = dspy.InputField(default="", desc="Told later, not now:")
    beat: str = dspy.InputField(desc="The beat to write now:")
    past_prose: str = dspy.InputField(default="", desc="Versions of this beat that were not wanted:")
    guidance: str = dspy.InputField(default="", desc="A note about what you write now:")
    prose: str = dspy.OutputField(desc="the prose of this beat")


class EditForFlow(dspy.Signature):
    """You are a creator who reads a story of yours once more before a fan hears it. Edit it so that it flows: join the
    beats, drop what is said twice, vary how sentences begin, keep names, facts and order, keep your voice. As many
    beats come out as went in. Before the prose of each beat write its number in square brackets, as in the draft, and
    nothing else but the prose."""

    name: str = dspy.InputField(desc="Your name:")
    voice: str = dspy.InputField(desc="How you talk:")
    platform: str = dspy.InputField(desc="You tell it on, and the two of you stay on:")
    guidance: str = dspy.InputField(default="", desc="A note about what you write now:")
    draft: str = dspy.InputField(desc="The draft:")
    prose: str = dspy.OutputField(desc="the story, each beat behind its number")


class PlanBeats(dspy.Signature):
    """You are a creator whom a fan has asked for a story. Plan it: three to five beats, each one short sentence that
    says what happens, with a beginning, a turn and an ending. Keep to what the fan asked for; playful and warm, never
    explicit, with nobody real in it. Answer with the beats only, each on a line of its own behind its number."""

    name: str = dspy.InputField(desc="Your name:")
    voice: str = dspy.InputField(desc="How you talk:")
    platform: str = dspy.InputField(desc="You tell it on, and the two of you stay on:")
    theme: str = dspy.InputField(desc="What the fan asked for:")
    prose: str = dspy.OutputField(desc="the beats, one a line")
