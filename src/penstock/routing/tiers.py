"""How demanding a request is: simple, medium or complex, of texts by a score and of pictures by what is asked for.

Nothing is called to find out; it is what can be seen in the request within microseconds.
"""

import re

from penstock.core.call import Operation
from penstock.routing.base import Subject

TIERS = ("simple", "medium", "complex")

READ = 1500
"""Characters of a prompt that are looked at, as many as are read in 20 microseconds: the last ones, because a chat's
newest message is at its end."""

LENGTH, CODE, STEPS, STRUCTURE, SENTENCES = 0.3, 0.15, 0.3, 0.1, 0.15
"""What each part of the score can add; together they are 1."""
LONG = 2000
"""Tokens from which on the length adds all it can."""
TALKATIVE = 15
"""Sentences, likewise."""
STEP = 0.15
"""What one word of `STEP_WORDS` adds, or two questions."""
STEP_WORDS = (
    "analys",
    "analyz",
    "compare",
    "debug",
    "derive",
    "design",
    "evaluate",
    "optimi",
    "prove",
    "refactor",
    "step by step",
)
"""English, as most models' prompts are; the beginnings of words do."""
STRUCTURE_WORDS = ("json", "schema", "yaml", "csv")

MEDIUM_MEGAPIXELS, COMPLEX_MEGAPIXELS = 1.5, 2.5
MEDIUM_REFERENCES, COMPLEX_REFERENCES = 1, 3
QUALITIES = {"medium": 1, "high": 2, "hd": 2}
"""Qualities to places in `TIERS`; others are simple."""

_QUOTED = re.compile(r'"[^"]{1,200}"|“[^”]{1,200}”|«[^»]{1,200}»|„[^“”]{1,200}[“”]')
"""Words that are to be seen in the picture."""


def text_score(subject: Subject) -> float:
    """0 to 1: the sum of what length, code, steps, structured output and the number of sentences add."""
    text = subject.prompt()[-READ:].lower()
    questions = text.count("?")
    steps = sum(word in text for word in STEP_WORDS) + questions // 2
    # An end of a sentence is followed by something, so that numbers and file names do not count.
    sentences = text.count(". ") + text.count(".\n") + text.count("! ") + questions
    return (
        LENGTH * min(1.0, subject.prompt_tokens / LONG)
        + CODE * ("```" in text)
        + min(STEPS, STEP * steps)
        + STRUCTURE * any(word in text for word in STRUCTURE_WORDS)
        + SENTENCES * min(1.0, sentences / TALKATIVE)
    )


def picture_tier(subject: Subject) -> tuple[int, str]:
    """A place in `TIERS`, and what put it there: the highest of size, references, text in the picture and quality."""
    megapixels = _megapixels(subject)
    quoted = len(_QUOTED.findall(subject.prompt()[-READ:]))
    reasons = (
        (QUALITIES.get(subject.quality or "", 0), f"quality {subject.quality}"),
        ((megapixels > MEDIUM_MEGAPIXELS) + (megapixels > COMPLEX_MEGAPIXELS), f"{megapixels:.1f} megapixels"),
        (_from(subject.references, MEDIUM_REFERENCES, COMPLEX_REFERENCES), f"{subject.references} references"),
        (min(2, quoted), f"{quoted} texts to be seen"),
    )
    place, reason = max(reasons, key=lambda pair: pair[0])
    return place, reason if place else "nothing special"


def is_picture(operation: Operation) -> bool:
    return operation in (Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT)


def _megapixels(subject: Subject) -> float:
    if subject.megapixels is None:
        return (subject.width or 0) * (subject.height or 0) / 2**20
    return subject.megapixels


def _from(number: int, medium: int, complex_: int) -> int:
    return (number >= medium) + (number >= complex_)
