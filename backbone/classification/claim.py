"""A statement of the paper, beside what is so here."""

from __future__ import annotations

from typing import NamedTuple

HOLDS = "holds"
NEEDS_ILSVRC = "not measured: needs training on ILSVRC"


class Claim(NamedTuple):
    """A statement of the paper, what it says, what is so here, the verdict, and where code or test has it."""

    section: str
    claim: str
    paper: str
    here: str
    verdict: str
    where: str


def compared(section: str, claim: str, paper: str, here: str, where: str) -> Claim:
    """A statement that holds where what is so here reads as the paper has it."""
    return Claim(section, claim, paper, here, HOLDS if here == paper else f"deviates: {here}", where)
