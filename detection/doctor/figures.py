"""What the doctor says, as JSON: every case, always in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from detection.doctor.classes import count_objects
from detection.doctor.contents import Contents
from detection.doctor.findings import SEVERITIES, Case, Finding
from detection.doctor.reach import Reach

JSON = dict[str, object]


def figures(contents: Contents, found: Sequence[Finding], reached: Reach | None) -> JSON:
    """The whole result; paths are below the data set, and nothing depends on the machine."""
    photos = Counter(entry.split for entry in contents.entries)
    severities = Counter(one.kind.severity for one in found)
    return {
        "data": contents.name,
        "format": contents.format,
        "splits": {
            split: {"photos": photos[split], "objects": sum(counts.values()), "classes": dict(counts)}
            for split, counts in count_objects(contents).items()
        },
        "left_out": list(contents.left_out),
        "findings_by_severity": {severity: severities[severity] for severity in SEVERITIES},
        "findings": [_finding(one) for one in found],
        "reach": None if reached is None else _reach(reached),
    }


def _finding(one: Finding) -> JSON:
    kind = one.kind
    about = {"code": kind.code, "severity": kind.severity, "title": kind.title, "advice": kind.advice}
    return about | {"count": len(one.cases), "cases": [_case(case) for case in one.cases]}


def _case(case: Case) -> JSON:
    """What is not empty."""
    parts: JSON = {"split": case.split, "photo": case.photo, "object": case.object, "class": case.class_name}
    others = [{"split": split, "photo": photo} for split, photo in case.others]
    return {key: value for key, value in (parts | {"detail": case.detail, "others": others}).items() if value}


def _reach(reached: Reach) -> JSON:
    rows = [
        {"class": name, "size": size, "objects": objects, "unreached": reached.missed.get((name, size), 0)}
        for (name, size), objects in sorted(reached.objects.items())
    ]
    return {"classes_and_sizes": rows, "photos_without_proposals": len(reached.failures)}
