"""The benchmark of questions about usage: it asks what it says it asks, of as many requests as it says."""

from pathlib import Path

import pytest

from benchmarks.usage import NOW, Answered, fill, questions, report
from penstock.store.db import Database
from penstock.store.usage import total, usage

COUNT = 300


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("usage") / "penstock.db"
    with Database.open(str(path)) as database:
        fill(database, COUNT)
    return path


def test_every_request_is_in_the_range_that_is_asked_about(filled: Path) -> None:
    with Database.open(str(filled)) as database, database.look() as connection:
        answers = [question.ask(connection) for question in questions()]
        assert total(usage(connection, ["model"], 0, NOW)).requests == COUNT
    by_model = answers[0]
    assert isinstance(by_model, list) and total(by_model).requests == COUNT and len(by_model) == 12
    assert all(answers)


def test_the_report_has_a_line_for_every_question_and_the_machine() -> None:
    text = report(COUNT, [1, 2], [Answered(question, 1.0, 2.0, 3.0) for question in questions()])
    assert all(question.title in text for question in questions())
    assert "| usage by model, 30 days | 1.0 | 2.0 | 3.0 | 100 |" in text
    assert "cores" in text and "SQLite" in text
