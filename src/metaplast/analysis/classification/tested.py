"""On what the networks of a classification run were tested, in words: not every accuracy is one of a test set."""

from collections.abc import Mapping
from typing import Any, TypeVar

Text = TypeVar("Text", bound=str)
WORDS = {
    "test examples": "held-out training examples",
    "test accuracy": "accuracy on held-out training examples",
    "Test accuracy": "Accuracy on held-out training examples",
}


def as_tested(text: Text, config: Mapping[str, Any]) -> Text:
    """`text` about test examples, as it is if they were, and about held-out training examples if these were tested."""
    if not config.get("data", {}).get("validation", 0):
        return text
    for test, held_out in WORDS.items():
        text = text.replace(test, held_out)  # pyright: ignore[reportAssignmentType]
    return text
