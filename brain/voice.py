"""The persona's voice: for a fan's line, the persona's own answers to lines like it.

It stands apart as the one index over the sample conversations: the few-shot examples of a prompt and the replies of the
offline engine come from the same neighbours.
"""

from __future__ import annotations

from typing import Any

import dspy

from brain.conversations import Conversations, Exchange
from brain.embedding import Embedding


class FewShot(dspy.KNNFewShot):
    """dspy.KNNFewShot for a service: neighbours as labelled examples, without bootstrapping, asynchronously.

    The parent's compiled module is synchronous and runs BootstrapFewShot on every call, which prints and, unless
    `max_bootstrapped_demos` is 0, asks the LM once more per example. Here examples are an argument of the one call.
    """

    def compile(self, student: Any, *, teacher: Any = None) -> dspy.Module:
        """`student` (a dspy.Predict) with the nearest examples as its demos. There is nothing to teach."""
        return Neighboured(student, self.KNN)


class Neighboured(dspy.Module):
    """A predictor whose demos are the neighbours of each call's `fan` line; keeps nothing between calls."""

    def __init__(self, predict: Any, knn: Any) -> None:
        super().__init__()
        self.predict = predict
        self._knn = knn

    async def aforward(self, *, fan: str, **inputs: Any) -> dspy.Prediction:
        """The prediction for `inputs`, with examples near `fan`. One LM call."""
        # Reversed, so that the nearest example stands next to the conversation.
        return await self.predict.acall(demos=self._knn(fan=fan)[::-1], **inputs)


class Voice:
    """The persona's card and an index over its exchanges. Building it embeds every line once; then it never changes."""

    def __init__(self, conversations: Conversations, neighbours: int) -> None:
        self.card = conversations.persona
        self.exchanges = conversations.exchanges()
        self.neighbours = neighbours
        self._embedding = Embedding(_as_query(each.fan) for each in self.exchanges)
        self.few_shot = FewShot(
            neighbours,
            [dspy.Example(fan=each.fan, reply=each.reply).with_inputs("fan") for each in self.exchanges],
            vectorizer=self._embedding,
            max_bootstrapped_demos=0,
            max_labeled_demos=neighbours,
        )

    def nearest(self, fan: str, count: int) -> list[tuple[float, Exchange]]:
        """The `count` exchanges whose fan line is most like `fan`, best first, each with its likeness 0..1."""
        vectors = self.few_shot.KNN.trainset_vectors
        likeness = vectors @ self._embedding([_as_query(fan)])[0]
        order = (-likeness).argsort(kind="stable")[:count]
        return [(float(likeness[index]), self.exchanges[index]) for index in order]


def _as_query(fan: str) -> str:
    # dspy.KNN embeds keyword arguments spelt like this.
    return f"fan: {fan}"
