"""What the doctor says, on a terminal of 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from detection.command_line import printable, table
from detection.doctor.classes import count_objects
from detection.doctor.contents import Contents
from detection.doctor.findings import SEVERITIES, SMALL_OBJECTS, Finding
from detection.doctor.reach import Reach
from detection.evaluation.strata import COCO_SIZES

EXAMPLES = 3  # of each finding
MOST_CLASSES = 40  # rows of a table
STYLES = {"error": "bold red", "warning": "yellow", "note": ""}


def heading(contents: Contents) -> str:
    """What was looked at."""
    photos = Counter(entry.split for entry in contents.entries)
    splits = ", ".join(f"{split} {photos[split]:,}" for split in contents.splits)
    rest = f" and {len(contents.left_out) - EXAMPLES} more" if len(contents.left_out) > EXAMPLES else ""
    left_out = f" ({', '.join(contents.left_out[:EXAMPLES])}{rest}: made up of these)" if contents.left_out else ""
    return printable(f"{contents.name}: {contents.format}, photos: {splits}{left_out}")


def class_table(contents: Contents, found: Sequence[Finding]) -> Iterator[Table | str]:
    """The objects of each class in each split, and how many are small; nothing where there are no objects."""
    counts = count_objects(contents)
    totals = {name: sum(each[name] for each in counts.values()) for name in contents.class_names}
    if not sum(totals.values()):
        return
    small = Counter(case.class_name for one in found if one.kind is SMALL_OBJECTS for case in one.cases)
    made = table("class", *map(printable, contents.splits), "under 16 pixels")
    for name in contents.class_names[:MOST_CLASSES]:
        share = f"{small[name]:,} ({small[name] / totals[name]:.1%})" if small[name] else "0"
        made.add_row(printable(name), *(f"{each[name]:,}" for each in counts.values()), share)
    yield made
    if (more := len(contents.class_names) - MOST_CLASSES) > 0:
        yield f"and {more:,} more classes: see --json"


def reach_table(reached: Reach) -> Iterator[Table | str]:
    """How many objects of each class and size no proposal reaches."""
    _, sizes = COCO_SIZES
    made = table("no proposal reaches", *sizes, "all")
    names = sorted({name for name, _ in reached.objects})
    for name in names[:MOST_CLASSES]:
        cells = [(reached.missed.get((name, size), 0), reached.objects.get((name, size), 0)) for size in sizes]
        cells.append((sum(missed for missed, _ in cells), sum(objects for _, objects in cells)))
        made.add_row(printable(name), *(f"{missed:,} of {objects:,}" if objects else "-" for missed, objects in cells))
    yield made
    if (more := len(names) - MOST_CLASSES) > 0:
        yield f"and {more:,} more classes: see --json"
    if reached.failures:
        yield printable(f"{len(reached.failures):,} photos have no proposals, the first: {reached.failures[0]}")


def findings_table(found: Sequence[Finding]) -> Table:
    """Each finding with examples and what to do."""
    made = Table("", "", "finding", show_lines=True)
    made.columns[1].justify = "right"
    made.columns[2].overflow = "fold"
    for one in found:
        kind = one.kind
        lines = [kind.title, *(f"  {printable(str(case))}" for case in one.cases[:EXAMPLES])]
        if len(one.cases) > EXAMPLES:
            lines.append(f"  and {len(one.cases) - EXAMPLES:,} more")
        made.add_row(
            Text(kind.severity, STYLES[kind.severity]),
            f"{len(one.cases):,}",
            Text("\n".join([*lines, f"-> {kind.advice}"])),
        )
    return made


def verdict(found: Sequence[Finding]) -> str:
    """How many findings there are of each severity."""
    numbers = Counter(one.kind.severity for one in found)
    if not numbers:
        return "nothing found"
    told = (f"{numbers[name]} {name}{'s' if numbers[name] > 1 else ''}" for name in SEVERITIES if numbers[name])
    return f"kinds of findings: {', '.join(told)}"
