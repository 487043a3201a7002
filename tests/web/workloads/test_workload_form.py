"""A workload in an address: what is said becomes a request, and what makes no sense is told."""

from decimal import Decimal

import pytest

from penstock.web.workloads.form import NUMBERS, Kind, Workload, parameters, plain_workload, read_workload

SIZES, QUALITIES = ("1024x1024", "2K"), ("low", "high")


def read(kind: Kind = "pictures", **query: str) -> tuple[Workload, list[str]]:
    return read_workload({"in": "0", **query}, kind, plain_workload(kind, size="1024x1024"), SIZES, QUALITIES)


def test_an_address_that_says_nothing_is_the_default() -> None:
    default = plain_workload("pictures", size="1024x1024")
    assert read_workload({}, "pictures", default, SIZES, QUALITIES) == (default, [])
    assert parameters(default, default) == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("day", "1,000", "1000"), ("day", " 25 ", "25"), ("hits", "33.39", "33.39"), ("in", "200000", "200000")],
)
def test_numbers_are_read_as_people_write_them(name: str, text: str, value: str) -> None:
    workload, notes = read(**{name: text})
    assert (workload.numbers[name], notes) == (Decimal(value), [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("day", "1000001"),
        ("day", "-1"),
        ("day", "0.5"),
        ("day", ""),
        ("n", "0"),
        ("n", "eleven"),
        ("hits", "100.1"),
        ("hits", "1e2"),
        ("hits", "NaN"),
        ("hits", "1.23456"),
        ("in", "٣"),
        ("refs", "1" * 5000),
    ],
)
def test_a_number_that_makes_no_sense_is_the_default_and_told(name: str, text: str) -> None:
    workload, notes = read(**{name: text})
    assert workload.numbers[name] == next(each.default for each in NUMBERS["pictures"] if each.name == name)
    assert len(notes) == 1
    assert "is used" in notes[0]
    assert len(notes[0]) < 200


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ({"size": "2k"}, "2K"),
        ({"size": "1920 x 1080"}, "1920x1080"),
        ({"size": "auto"}, "auto"),
        ({"size": "other", "free": "800x600"}, "800x600"),
        ({"size": "1024x1024", "free": "800x600"}, "1024x1024"),
    ],
)
def test_a_size_is_one_to_choose_or_any_pixels(query: dict[str, str], size: str) -> None:
    workload, notes = read(**query)
    assert (workload.size, notes) == (size, [])


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"size": "big"}, "“big” is no size"),
        ({"size": "other"}, "nothing is no size"),
        ({"refsize": "0x5"}, "“0x5” is no size"),
        ({"quality": "<b>"}, "“<b>” is not known here; there are low, high."),
    ],
)
def test_words_that_make_no_sense_are_told(query: dict[str, str], says: str) -> None:
    workload, notes = read(**query)
    assert (workload.size, workload.refsize, workload.quality) == ("1024x1024", "1024x1024", "auto")
    assert len(notes) == 1
    assert says in notes[0]


def test_only_edits_is_an_edit_and_no_edits_bring_no_references() -> None:
    assert read(edits="100")[0].request("m").operation == "image_edit"
    some = read(edits="25", refs="3")[0].request("m")
    assert (some.operation, some.edits_share) == ("image_generation", Decimal("0.25"))
    assert read(refs="3")[0].request("m").references == []


def test_what_an_address_says_is_read_back_the_same() -> None:
    default = plain_workload("pictures", size="1024x1024")
    workload, _ = read(day="7", edits="12.5", size="1920x1080", quality="high", refsize="512x512")
    again, notes = read_workload(parameters(workload, default), "pictures", default, SIZES, QUALITIES)
    assert (again, notes) == (workload, [])


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_slider_stands_at_its_number_or_just_below(kind: Kind) -> None:
    for number in NUMBERS[kind]:
        stops = number.stops
        if stops:
            assert (stops[0], stops[-1], list(stops)) == (number.least, number.most, sorted(set(stops)))
            assert [number.position(Decimal(stop)) for stop in stops] == list(range(len(stops)))
            assert number.position(Decimal(stops[-1] - 1)) == len(stops) - 2
        else:
            assert number.position(Decimal(number.most)) == number.most
