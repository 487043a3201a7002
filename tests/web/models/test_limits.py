"""Limits in words: what is not known is neither all nor nothing."""

import pytest

from penstock.core.call import Operation
from penstock.core.target import Limits, Offer
from penstock.web.models.limits import formats, references, sizes, sizes_in_words, tokens, whether

MAKES, EDITS = Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(), ""),
        (Limits(free_size=True), "any"),
        (
            Limits(free_size=True, min_side=64, max_side=4096, multiple=16, max_ratio=3.0),
            "any, sides of 64 to 4,096 pixels, in multiples of 16, at most 3 times as long as wide",
        ),
        (Limits(free_size=True, max_side=2048), "any, sides of at most 2,048 pixels"),
        (Limits(free_size=True, min_side=64), "any, sides of at least 64 pixels"),
        (Limits(sizes=("512x512", "1024x1024")), "512x512, 1024x1024"),
        (Limits(aspect_ratios=("1:1",), resolutions=("1K", "2K")), "1:1; 1K, 2K"),
        (Limits(sizes=tuple(f"{n}x{n}" for n in range(1, 12))), "1x1, 2x2, 3x3, 4x4, 5x5, 6x6, 7x7, 8x8 and 3 more"),
    ],
)
def test_sizes_are_told_in_words(limits: Limits, words: str) -> None:
    assert sizes_in_words(limits) == words


@pytest.mark.parametrize(
    ("operations", "least", "most", "words"),
    [
        ({MAKES, EDITS}, 0, 8, "up to 8"),
        ({MAKES, EDITS}, 2, 8, "2 to 8"),
        ({EDITS}, 0, 8, "1 to 8"),
        ({EDITS}, 0, 1, "1"),
        ({MAKES}, 0, 0, "none"),
        ({MAKES, EDITS}, 0, 0, "not known"),
    ],
)
def test_references_are_told_in_words(operations: set[Operation], least: int, most: int, words: str) -> None:
    limits = Limits(min_references=least, max_references=most)
    offer = Offer(model="a/b", provider="p", upstream="b", operations=frozenset(operations), limits=limits)
    assert words in references(offer, certain=True)


def test_what_an_imported_row_leaves_out_is_not_known() -> None:
    offer = Offer(model="a/b", provider="p", upstream="b", operations=frozenset({MAKES}))
    for told in (sizes, references, formats):
        assert "not known" in told(offer, certain=False)
        assert "not known" not in told(offer, certain=True)
    assert (whether(True, certain=False), whether(False, certain=True)) == ("yes", "no")
    assert "not known" in whether(False, certain=False) and "not known" in tokens(None)
    assert tokens(128_000) == "128,000 tokens"
