"""The file that says that something has changed."""

from pathlib import Path

from penstock.store.marker import Marker


def test_a_marker_is_the_same_until_something_changes_in_this_process_or_another(tmp_path: Path) -> None:
    ours, theirs = (Marker.beside(tmp_path / "penstock.db") for _ in range(2))
    seen = [ours.state()]
    assert ours.state() == theirs.state() == seen[0]
    for marker in (ours, theirs, theirs, ours):
        marker.bump()
        assert ours.state() == theirs.state() == ours.state()
        seen.append(ours.state())
    assert len(set(seen)) == 5


def test_a_file_put_in_the_place_of_another_is_a_change(tmp_path: Path) -> None:
    marker, other = Marker.beside(tmp_path / "penstock.db"), Marker(tmp_path / "other")
    marker.bump()
    other.bump()
    before = marker.state()
    other.path.replace(marker.path)
    assert marker.state() != before
