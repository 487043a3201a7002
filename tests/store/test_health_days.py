"""How offers did day by day: added up from slots of minutes, and never less than it was."""

import random
from dataclasses import replace
from typing import Any

import pytest

from penstock.store.books import BlockingBooks
from penstock.store.health import SlotRow, forget_slots, write_slots
from penstock.store.health_days import HealthDayRow, add_up, forget_days, read_days, write_days
from penstock.store.sums import DAY_MS
from penstock.upstream.results import window_of
from tests.store.samples import NOW

DAY = NOW // DAY_MS * DAY_MS
FIRST_MINUTE = DAY // 60_000


def slot(minute: int = 0, process: str = "proc_1", **fields: Any) -> SlotRow:
    """What a process saw in a minute of the day."""
    known: dict[str, Any] = {
        "offer": "home/m",
        "operation": "image_generation",
        "size_class": "1MP",
        "minute": FIRST_MINUTE + minute,
        "succeeded": 3,
        "failed": 2,
        "limited": 1,
        "seconds": {"7": 3},
        "firsts": {},
        "rates": {"-8": 2, "0": 1},
        "changed_at": DAY + 60_000 * minute,
    }
    return SlotRow(process=process, **known | fields)


def day(**fields: Any) -> HealthDayRow:
    """What that one slot comes to."""
    known: dict[str, Any] = {
        "offer": "home/m",
        "operation": "image_generation",
        "day": DAY,
        "succeeded": 3,
        "failed": 2,
        "limited": 1,
        "seconds": {"7": 3},
        "firsts": {},
        "rates": {"-8": 2, "0": 1},
    }
    return HealthDayRow(**known | fields)


def written(shell: BlockingBooks, *slots: SlotRow) -> None:
    shell.change(lambda c: write_slots(c, slots))


def added_up(shell: BlockingBooks, since: int = 0) -> list[HealthDayRow]:
    """The days of the offer, once they have been added up again."""
    rows = shell.read(lambda c: add_up(c, since))
    shell.change(lambda c: write_days(c, rows))
    return shell.read(lambda c: read_days(c, ["home/m"], 0))


def test_a_day_has_what_all_processes_saw_at_all_sizes(shell: BlockingBooks) -> None:
    written(
        shell,
        slot(),
        slot(process="proc_2"),
        slot(0, size_class="4MP", succeeded=1, failed=0, limited=0, seconds={"30": 1}, firsts={"2": 1}, rates={}),
        slot(1439, succeeded=0, failed=4, limited=0, seconds={}, rates={}),
    )
    assert added_up(shell) == [
        day(succeeded=7, failed=8, limited=2, seconds={"7": 6, "30": 1}, firsts={"2": 1}, rates={"-8": 4, "0": 2})
    ]


def test_days_operations_and_offers_are_told_apart(shell: BlockingBooks) -> None:
    written(shell, slot(-1), slot(), slot(1440), slot(operation="chat", size_class=""), slot(offer="other/m"))
    assert added_up(shell) == [
        day(day=DAY - DAY_MS),
        day(operation="chat"),
        day(),
        day(day=DAY + DAY_MS),
    ]
    two = shell.read(lambda c: read_days(c, ["other/m", "home/m"], DAY + 5))
    assert [(row.offer, row.operation, row.day - DAY) for row in two] == [
        ("home/m", "chat", 0),
        ("home/m", "image_generation", 0),
        ("other/m", "image_generation", 0),
        ("home/m", "image_generation", DAY_MS),
    ]
    assert shell.read(lambda c: read_days(c, [], 0)) == []


def test_adding_up_again_counts_nothing_twice(shell: BlockingBooks) -> None:
    written(shell, slot())
    assert added_up(shell) == added_up(shell) == [day()]
    written(shell, replace(slot(), succeeded=4, seconds={"7": 3, "8": 1}))
    assert added_up(shell) == [day(succeeded=4, seconds={"7": 3, "8": 1})]


def test_a_day_whose_slots_have_partly_gone_stays_as_it_was(shell: BlockingBooks) -> None:
    written(shell, *(slot(minute) for minute in range(10)))
    whole = added_up(shell)
    shell.change(lambda c: forget_slots(c, DAY + 60_000 * 4))
    assert len(shell.read(lambda c: add_up(c, 0))) == 1
    assert added_up(shell) == whole == [day(succeeded=30, failed=20, limited=10, seconds={"7": 30}, rates=RATES)]
    shell.change(lambda c: forget_slots(c, DAY + DAY_MS))
    assert added_up(shell) == whole


RATES = {"-8": 20, "0": 10}


def test_what_was_read_before_another_process_wrote_changes_nothing(shell: BlockingBooks) -> None:
    written(shell, slot())
    early = shell.read(lambda c: add_up(c, 0))
    written(shell, slot(process="proc_2"))
    late = added_up(shell)
    shell.change(lambda c: write_days(c, early))
    assert shell.read(lambda c: read_days(c, ["home/m"], 0)) == late != early


def test_only_days_from_the_one_asked_for_on_are_added_up(shell: BlockingBooks) -> None:
    written(shell, slot(-1), slot())
    assert added_up(shell, DAY + 5) == [day()]
    assert added_up(shell, DAY - 1) == [day(day=DAY - DAY_MS), day()]


def test_days_are_forgotten(shell: BlockingBooks) -> None:
    written(shell, slot(-1), slot())
    added_up(shell)
    shell.change(lambda c: forget_days(c, DAY))
    assert shell.read(lambda c: read_days(c, ["home/m"], 0)) == [day()]


@pytest.mark.parametrize(("succeeded", "failed", "uptime"), [(0, 0, None), (0, 2, 0.0), (3, 1, 0.75), (2, 0, 1.0)])
def test_uptime_leaves_limits_out_and_is_not_known_without_results(
    succeeded: int, failed: int, uptime: float | None
) -> None:
    row = day(succeeded=succeeded, failed=failed, limited=7)
    assert row.uptime == window_of(row).uptime == uptime


def test_the_quantiles_of_a_day_are_those_of_its_values(shell: BlockingBooks) -> None:
    values = random.Random(7).choices(range(-20, 60), k=400)
    written(shell, *(slot(n, seconds={str(value): 1}, succeeded=1) for n, value in enumerate(values)))
    (row,) = added_up(shell)
    window = window_of(row)
    for share in (0.5, 0.95, 1.0):
        exact = 1.1 ** (sorted(values)[max(0, round(share * 400) - 1)] + 0.5)
        assert window.quantile("seconds", share) == pytest.approx(exact)
    assert window.quantile("first", 0.5) is None
