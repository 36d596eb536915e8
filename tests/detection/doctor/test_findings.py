"""In which order findings are told."""

from detection.doctor.findings import KINDS, SEVERITIES, Case, findings


def test_the_severest_come_first_whatever_was_seen_first() -> None:
    found = findings(Case(kind) for kind in reversed(KINDS))
    assert tuple(one.kind for one in found) == KINDS
    severities = [SEVERITIES.index(one.kind.severity) for one in found]
    assert severities == sorted(severities)


def test_cases_go_by_split_and_photo_and_keep_the_order_of_objects() -> None:
    places = [("val", "a", "2"), ("train", "b", "9"), ("train", "a", "9"), ("train", "a", "1")]
    (found,) = findings(Case(KINDS[0], *place) for place in places)
    assert [(case.split, case.photo, case.object) for case in found.cases] == [places[i] for i in (2, 3, 1, 0)]


def test_every_kind_has_a_name_of_its_own_and_a_suggestion() -> None:
    assert len({kind.code for kind in KINDS}) == len({kind.title for kind in KINDS}) == len(KINDS)
    assert all(kind.advice for kind in KINDS)
