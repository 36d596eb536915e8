"""What the tables, the JSON and the page are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detection.datasets.base import Dataset
from detection.report.proposals.claims import Claim, claims
from detection.report.proposals.measure import Measured
from detection.report.proposals.unreached import Unreached, unreached


@dataclass(frozen=True)
class ProposalReport:
    """One or more proposers on the photos of ``data``, beside the paper where they are its ladder.

    ``unreached`` are the objects that each of ``measured`` does not reach.
    """

    data: str
    measured: tuple[Measured, ...]
    unreached: tuple[tuple[Unreached, ...], ...]
    claims: tuple[Claim, ...] = ()

    @property
    def objects(self) -> int:
        """Annotated objects that count."""
        return len(self.measured[0].covered)


def proposal_report(
    data: str, dataset: Dataset, measured: Sequence[Measured], *, ladder: bool = False
) -> ProposalReport:
    """The report of proposers that were measured on ``dataset``, which the user calls ``data``.

    ``ladder``: the first three are those of the paper, in its order (:func:`detection.report.proposals.claims.claims`).
    """
    missed = tuple(tuple(unreached(one, dataset)) for one in measured)
    return ProposalReport(data, tuple(measured), missed, claims(*measured[:3]) if ladder else ())
