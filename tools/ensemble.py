"""What averaging models gains: single models, 2, 3, ... averaged, and all but one, with intervals over the photos.

    python tools/infer.py --data VOCdevkit/VOC2007:test --model a.safetensors --out runs/a        # b, c, ... likewise
    python tools/infer.py --data VOCdevkit/VOC2007:test --model a.safetensors --model b.safetensors --out runs/ab
    python tools/ensemble.py runs/a runs/b runs/ab --data VOCdevkit/VOC2007 --split test

Which models a RUN averaged stands in its run.json. Single models are set against the best of them, averages too; where
one is left out, against all. The interval is that of the difference, on the same resampled photos for both.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from detection.command_line import console, help_text, new_app, run_command
from detection.converters.whole_file import whole_file
from detection.evaluation.judgement import Judgement
from detection.report.ensemble import PAPER, ensemble_table, runs_of
from detection.report.question import MEASURES, ask, chosen

app = new_app()


@app.command(help=help_text(__doc__))
def ensemble(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="folders that tools/infer.py wrote")],
    data: Annotated[str, typer.Option(help="the annotated images: a path, or format:path[:split]")],
    split: Annotated[str | None, typer.Option(help="a part of the data set, such as test")] = None,
    protocol: Annotated[str | None, typer.Option(help=f"one of {','.join(MEASURES)}")] = None,
    classes: Annotated[str | None, typer.Option(help="only these, separated by commas")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the numbers here too")] = None,
    seed: Annotated[int, typer.Option(help="of the resampled photos")] = 0,
) -> None:
    """Sort the runs, judge each, print the table."""
    runs = runs_of(folders)
    question = ask(data, split, None, None, folders[0])
    if classes is not None:
        question = question.only(chosen(classes, question.names.label, question.names.names, "class"))
    wanted = protocol or question.usual_protocols.split(",")[0]
    (name,) = chosen(wanted, {one: one for one in MEASURES}.get, list(MEASURES), "protocol")[:1]

    def judge(folder: Path) -> Judgement:
        return question.judge(name, question.read(folder, ignore_unknown_classes=classes is not None).table)

    rows = runs.gains(judge, len(question.images), seed)
    console().print(ensemble_table(rows))
    console().print(f"{name}, {len(question.images):,} photos; {PAPER}")
    if json_file:
        with whole_file(json_file) as file:
            json.dump({"protocol": name, "rows": [row.summary() for row in rows]}, file, indent=1, allow_nan=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 where the input is bad, told in one line."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
    return run_command(app, argv, name="ensemble.py")


if __name__ == "__main__":
    sys.exit(main())
