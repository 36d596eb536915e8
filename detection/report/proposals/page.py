"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from detection.converters.whole_file import whole_file
from detection.datasets.base import Dataset
from detection.report.page import page, utf8
from detection.report.proposals.claims import NOTES
from detection.report.proposals.plot import HEIGHT, LEFT, RIGHT, TOP, WIDTH, charts
from detection.report.proposals.report import ProposalReport
from detection.report.proposals.sheets import claim_sheet, sheets
from detection.report.proposals.unreached import crops

MOST_CROPS = 60  # of one proposer
LISTED_FAILURES = 100


def write_page(path: Path, report: ProposalReport, dataset: Dataset) -> None:
    """Write the report, by rename; the photos of the objects that no box reaches are read again."""
    measured = report.measured
    missed = [
        (one.name, len(objects), crops(list(islice(objects, MOST_CROPS)), dataset))
        for one, objects in zip(measured, report.unreached, strict=True)
    ]
    failures = {str(failure.photo): failure.reason for one in measured for failure in one.failures}
    text = page(
        "proposals",
        styles=["report"],
        title=utf8(report.data),
        facts=f"{measured[0].covered.images:,} photos · {report.objects:,} objects that count",
        claims=claim_sheet(report.claims) if report.claims else None,
        sheets=sheets(report),
        notes=NOTES,
        names=[one.name for one in measured],
        charts=charts(measured) if report.objects else (),
        frame={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP},
        missed=missed if report.objects else (),
        most=MOST_CROPS,
        settings=[(one.name, one.timing, json.dumps(one.settings, indent=1)) for one in measured],
        failures=[(utf8(photo), utf8(reason)) for photo, reason in islice(failures.items(), LISTED_FAILURES)],
        failed=len(failures),
    )
    with whole_file(path) as file:
        file.writelines(text)
