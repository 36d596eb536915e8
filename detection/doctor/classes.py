"""The classes: names that may mean the same, and how many objects each has in every split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations

from detection.doctor.contents import Contents
from detection.doctor.findings import ABSENT_CLASS, FEW_OBJECTS, SIMILAR_NAMES, UNEVEN_CLASSES, Case

FEW = 10  # objects, of which each one is more than a tenth of the recall
UNEVEN = 100
MISSPELT = 0.1  # a typing error has at most so many of the objects of what was meant
SHORTEST_MISSPELT = 5  # letters: cat and car are two words

Counts = Mapping[str, Mapping[str, int]]  # split, class -> objects


def count_objects(contents: Contents) -> Counts:
    """The objects of each class in each split, without those that are difficult or crowds."""
    counts = {split: dict.fromkeys(contents.class_names, 0) for split in contents.splits}
    for entry in contents.entries:
        for thing in entry.objects:
            counts[entry.split][thing.name] += thing.counted
    return counts


def class_cases(contents: Contents) -> Iterator[Case]:
    """What is odd about the names, and about the numbers of objects; splits without any object have none."""
    counts = {split: each for split, each in count_objects(contents).items() if any(each.values())}
    totals = Counter({name: sum(each[name] for each in counts.values()) for name in contents.class_names})
    for name, other in combinations(sorted(contents.class_names), 2):
        if reason := _likeness(name, other, totals):
            numbers = f"{totals[name]} and {totals[other]} objects"
            yield Case(SIMILAR_NAMES, object=f"{name!r} and {other!r}", detail=f"{reason}; {numbers}")
    for name in contents.class_names if counts else ():
        numbers = ", ".join(f"{split} {each[name]}" for split, each in counts.items())
        if not all(each[name] for each in counts.values()):
            yield Case(ABSENT_CLASS, object=name, detail=numbers)
        elif any(each[name] < FEW for each in counts.values()):
            yield Case(FEW_OBJECTS, object=name, detail=numbers)
    for split, each in counts.items():
        there = [name for name, number in each.items() if number]
        rarest, commonest = min(there, key=each.__getitem__), max(there, key=each.__getitem__)
        if each[commonest] >= UNEVEN * each[rarest]:
            detail = f"{each[commonest]} of {commonest}, {each[rarest]} of {rarest}"
            yield Case(UNEVEN_CLASSES, split, detail=detail)


def _likeness(name: str, other: str, totals: Mapping[str, int]) -> str | None:
    """In what the names differ, if that is so little that one may be meant for the other."""
    one, two = (re.sub(r"[\W_]+", "", each.casefold()) for each in (name, other))
    if one == two and one:
        return "case, spaces or punctuation"
    if _is_plural(one, two) or _is_plural(two, one):
        return "singular and plural"
    fewer, more = sorted((totals[name], totals[other]))
    same_numbers = re.sub(r"\D", "", one) == re.sub(r"\D", "", two)  # type1 and type2 are two
    long_enough = min(len(one), len(two)) >= SHORTEST_MISSPELT
    if fewer <= MISSPELT * more and same_numbers and long_enough and _one_edit(one, two):
        return "one letter"
    return None


def _is_plural(word: str, plural: str) -> bool:
    return bool(word) and plural in (f"{word}s", f"{word}es", f"{word.removesuffix('y')}ies")


def _one_edit(one: str, two: str) -> bool:
    """Whether a letter added, left out, exchanged or swapped with the next makes one word the other."""
    if abs(len(one) - len(two)) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    rest, others = one[start:], two[start:]
    if len(rest) != len(others):
        return rest[1:] == others or rest == others[1:]
    return rest[1:] == others[1:] or (rest[:2] == others[1::-1] and rest[2:] == others[2:])
