"""Damaged input for ``tools/evaluate.py``: seeded ways to spoil a file of :mod:`tests.tools.evaluations`.

A mutation says what it must come to. ``REFUSED``: an error. ``SAME``: the result of the whole case. ``LOUD``: either of
them, or a result with a warning. ``UNDEFINED``: no traceback; the file is still well-formed and its values plausible
(another score, an image less), which is no damage that a program could see.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.tools.evaluations import CAR

REFUSED, SAME, LOUD, UNDEFINED = "refused", "same", "loud", "undefined"


@dataclass(frozen=True)
class Mutation:
    """What was done to a file, what it must come to, and the line of the file that the error must name, if any."""

    name: str
    expected: str
    line: int | None = None


def mutate(path: Path, chance: random.Random) -> Mutation:
    """Spoil a file in one way."""
    kinds = {".xml": XML, ".json": JSON, ".jsonl": JSON_LINES, ".csv": TABLE, ".txt": TABLE}[path.suffix]
    if path.name in ("images.txt", "test.txt", "val.txt", "blacklist.txt"):
        kinds = LISTS
    return chance.choice([*BYTES, *kinds, *kinds, *kinds])(path, chance)


def is_detections(path: Path) -> bool:
    return path.parent.name == "results" or path.name in ("found.jsonl", "found.csv", "submission.txt", "results.json")


# Of any file


def cut(path: Path, chance: random.Random) -> Mutation:
    content = path.read_bytes()
    ends = [place for place in range(1, len(content)) if not content[:place].endswith(b"\n")]
    place = chance.choice(ends)
    path.write_bytes(content[:place])
    line_left = path.name == "images.txt" and content[place:].split(b"\n")[0] in (b"", b"1", b" 1")
    return Mutation(f"cut to {place} bytes", UNDEFINED if line_left else LOUD)


def packed_and_cut(path: Path, chance: random.Random) -> Mutation:
    packed = gzip.compress(path.read_bytes())
    path.write_bytes(packed[: chance.randrange(12, len(packed))])
    return Mutation("packed, without the name of it", REFUSED)


def junk(path: Path, chance: random.Random) -> Mutation:
    content = path.read_bytes()
    place = chance.randrange(len(content))
    path.write_bytes(content[:place] + bytes(chance.choices(range(0x80, 0xC0), k=5)) + content[place:])
    return Mutation(f"junk at byte {place}", REFUSED)


def zero_byte(path: Path, chance: random.Random) -> Mutation:
    content = path.read_bytes()
    place = chance.randrange(len(content))
    path.write_bytes(content[:place] + b"\0" + content[place:])
    return Mutation(f"a zero byte at {place}", LOUD)


def recoded(path: Path, chance: random.Random) -> Mutation:
    encoding = chance.choice(["utf-16", "utf-16-be", "utf-32", "cp037"])
    path.write_bytes(path.read_text().encode(encoding))
    return Mutation(encoding, LOUD)


def marked(path: Path, _: random.Random) -> Mutation:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return Mutation("byte order mark", LOUD if path.suffix == ".jsonl" else SAME)


def other_line_ends(path: Path, chance: random.Random) -> Mutation:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + chance.choice([b"", b"\r\n"]))
    return Mutation("CRLF", SAME)


def emptied(path: Path, chance: random.Random) -> Mutation:
    path.write_text(chance.choice(["", " ", "\n\n"]))
    return Mutation("emptied", LOUD if is_detections(path) else REFUSED)


def gone(path: Path, chance: random.Random) -> Mutation:
    path.unlink()
    if chance.random() < 0.5:
        path.mkdir()
        return Mutation("a folder instead", LOUD)
    return Mutation("gone", LOUD)  # of class files others are left; an image of ILSVRC need not be annotated


# Of text in lines

NO_NUMBERS = ["nan", "inf", "-inf", "1e400", "abc", "1,5", "1.2.3", "0x1F", "1_0", "--1", "true", "1e", "[1]", "9" * 40]
NO_NUMBERS += ["1\u066b5", "½", "\u22121", '"', "None", "1e999999", "10px"]


def change_line(path: Path, chance: random.Random, change: Callable[[str], str], *, first: int = 1) -> int:
    """Change one line, and give its number."""
    lines = path.read_text().splitlines()
    number = chance.randrange(first, len(lines) + 1)
    lines[number - 1] = change(lines[number - 1])
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
    return number


def first_row(path: Path) -> int:
    return 2 if path.suffix == ".csv" else 1


def separator(path: Path) -> str:
    return "," if path.suffix == ".csv" else " "


def no_number(path: Path, chance: random.Random) -> Mutation:
    """Scores and corners are the last five columns."""
    word, between = chance.choice(NO_NUMBERS), separator(path)

    def change(line: str) -> str:
        values = line.split(between)
        values[-chance.randrange(1, 6)] = word
        return between.join(values)

    line = change_line(path, chance, change, first=first_row(path))
    return Mutation(f"{word!r} on line {line}", REFUSED, line)


def other_columns(path: Path, chance: random.Random) -> Mutation:
    between, more = separator(path), chance.choice(["7", "x", "0.5"])

    def change(line: str) -> str:
        values = line.split(between)
        place = chance.randrange(1, len(values))  # without any column it is a detection less
        return between.join([*values[:place], more, *values[place:]] if chance.random() < 0.5 else values[:place])

    line = change_line(path, chance, change, first=first_row(path))
    return Mutation(f"other columns on line {line}", REFUSED, line)


def comma_for_point(path: Path, chance: random.Random) -> Mutation:
    line = change_line(path, chance, lambda text: re.sub(r"(\d)\.(\d)", r"\1,\2", text), first=first_row(path))
    return Mutation(f"commas on line {line}", REFUSED, line)


def other_digits(path: Path, chance: random.Random) -> Mutation:
    """The same numbers in the digits of another script."""
    digits = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    line = change_line(path, chance, lambda text: text.translate(digits), first=first_row(path))
    return Mutation(f"other digits on line {line}", LOUD)


def swapped_corners(path: Path, chance: random.Random) -> Mutation:
    between = separator(path)

    def change(line: str) -> str:
        *head, x1, y1, x2, y2 = line.split(between)
        return between.join([*head, x2, y2, x1, y1])

    line = change_line(path, chance, change, first=first_row(path))
    return Mutation(f"corners swapped on line {line}", LOUD)


def strange_name(path: Path, chance: random.Random) -> Mutation:
    word, between = (
        chance.choice(["0", "-1", "99999999999999999999", "4", "x", "../one", "\u043e", "1.5"]),
        separator(path),
    )
    line = change_line(path, chance, lambda text: between.join([word, *text.split(between)[1:]]), first=first_row(path))
    return Mutation(f"image {word!r} on line {line}", REFUSED, line)


def lost_header(path: Path, chance: random.Random) -> Mutation:
    if path.suffix != ".csv":
        return strange_name(path, chance)
    head, *lines = path.read_text().splitlines(keepends=True)
    head = chance.choice(["", head.replace("x1", "x2"), head.replace("score", "confidence"), head.replace(",", ";")])
    path.write_text("".join([head, *lines]))
    return Mutation("header", REFUSED)


def spaced(path: Path, chance: random.Random) -> Mutation:
    line = change_line(path, chance, lambda text: f"{text}{chance.choice([' ', chr(9), '   '])}", first=first_row(path))
    return Mutation(f"blanks behind line {line}", SAME)


TABLE = (no_number, other_columns, comma_for_point, other_digits, swapped_corners, strange_name, lost_header, spaced)


# Of lists


def strange_entry(path: Path, chance: random.Random) -> Mutation:
    word = chance.choice(["four", "0", "-1", "one two", "1e3", "9" * 30, "\u043e", "one.jpg.", ".."])
    line = change_line(path, chance, lambda text: f"{word} {text.partition(' ')[2]}")
    if word == "one two" and path.name == "images.txt":  # the second word is an index: an image less
        return Mutation("another image", UNDEFINED)
    return Mutation(f"{word!r} on line {line}", LOUD if path.name in ("val.txt", "test.txt") else REFUSED)


def repeated_entry(path: Path, chance: random.Random) -> Mutation:
    line = change_line(path, chance, lambda text: f"{text}\n{text}")
    return Mutation(f"line {line} twice", SAME if path.name in ("images.txt", "blacklist.txt") else REFUSED)


def shuffled_entries(path: Path, chance: random.Random) -> Mutation:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(chance.sample(lines, len(lines))))
    return Mutation("shuffled", LOUD)


def strange_class(path: Path, chance: random.Random) -> Mutation:
    if path.name != "blacklist.txt":
        return repeated_entry(path, chance)
    word = chance.choice(["n00000000", "", "36", "carr", CAR[:-1], f"{CAR} {CAR}"])
    line = change_line(path, chance, lambda text: f"{text.split()[0]} {word}")
    return Mutation(f"class {word!r} on line {line}", REFUSED, line)


LISTS = (strange_entry, repeated_entry, shuffled_entries, strange_class)


# Of JSON

RAW = ["NaN", "Infinity", "-Infinity", "1e400", "true", "false", "null", '"x"', '"1"', "[]", "[[1]]", "{}", "9" * 5000]
RAW += ["9" * 400, "-1", "1.5e308", "{", "]", "", "01", "1,5", "'a'", "\x07", "[" * 5000]
VALUE = re.compile(r'(?<=[:\[,] )(?:-?\d[\d.]*|"[^"]*")(?=[,\]}])')


def other_value(path: Path, chance: random.Random) -> Mutation:
    """A raw text in the place of a number or a string; most are of a wrong type, some are no JSON."""
    text, raw = path.read_text(), chance.choice(RAW)
    place = chance.choice(list(VALUE.finditer(text)))
    path.write_text(text[: place.start()] + raw + text[place.end() :])
    return Mutation(f"{place.group()} at {place.start()} became {raw[:20]}", expected_of(text, place, raw))


def expected_of(text: str, place: re.Match[str], raw: str) -> str:
    """Names, paths, sizes of photos and times may be other values of their type, or are looked at by nobody."""
    before = re.findall(r'"(\w+)":', text[: place.start()])
    key = before[-1] if before else ""
    plausible = key in ("path", "width", "height", "file_name", "id", "seconds", "name") or raw in ("-1", '"1"')
    return UNDEFINED if raw == "-1" and key in ("score", "scores", "bbox", "boxes") else LOUD if plausible else REFUSED


def lost_key(path: Path, chance: random.Random) -> Mutation:
    text = path.read_text()
    place = chance.choice(list(re.finditer(r'"(\w+)":', text)))
    path.write_text(text[: place.start(1)] + "lost" + text[place.end(1) :])
    optional = place[1] in ("width", "height", "area", "iscrowd", "id") and path.suffix == ".json"
    return Mutation(f"key {place[1]} at {place.start()}", UNDEFINED if optional else REFUSED)


def doubled_record(path: Path, chance: random.Random) -> Mutation:
    """An id that occurs twice."""
    if path.suffix == ".jsonl":
        line = change_line(path, chance, lambda text: f"{text}\n{text}")
        return Mutation(f"line {line} twice", REFUSED, line + 1)
    content = json.loads(path.read_text())
    if isinstance(content, list):
        return other_value(path, chance)
    records = content[chance.choice(["images", "annotations", "categories"])]
    records.append(chance.choice(records))
    path.write_text(json.dumps(content))
    return Mutation("a record twice", REFUSED)


def first_id_is_zero(path: Path, chance: random.Random) -> Mutation:
    """Legal, and what pycocotools counts wrong."""
    content = json.loads(path.read_text()) if path.suffix == ".json" else []
    if isinstance(content, list):
        return doubled_record(path, chance)
    chance.choice(content["annotations"])["id"] = 0
    path.write_text(json.dumps(content))
    return Mutation("an annotation with the id 0", SAME)


def nested(path: Path, _: random.Random) -> Mutation:
    path.write_text("[" * 200_000 if path.suffix == ".json" else '{"id": ' * 200_000)
    return Mutation("nested without end", REFUSED)


def negative_side(path: Path, chance: random.Random) -> Mutation:
    content = json.loads(path.read_text()) if path.suffix == ".json" else None
    if content is None:
        return doubled_record(path, chance)
    is_truth = isinstance(content, dict)
    box = chance.choice(content["annotations"] if is_truth else content)["bbox"]
    place = chance.choice([2, 3])
    box[place] = chance.choice([0, -box[place]])
    path.write_text(json.dumps(content))
    return Mutation("a side that is negative or 0", REFUSED if is_truth else LOUD)


JSON = (other_value, other_value, lost_key, doubled_record, first_id_is_zero, nested, negative_side)
JSON_LINES = (other_value, other_value, lost_key, doubled_record, nested)


# Of XML


def other_text(path: Path, chance: random.Random) -> Mutation:
    text, word = (
        path.read_text(),
        chance.choice([*NO_NUMBERS, "", "<", "&", "&amp;", "1e3000", "\ufeff", "99999999999"]),
    )
    place = chance.choice(list(re.finditer(r"<(xmin|ymin|xmax|ymax|name)>([^<]*)<", text)))
    path.write_text(text[: place.start(2)] + word + text[place.end(2) :], encoding="utf-8")
    expected = LOUD if place[1] == "name" else REFUSED  # a name may be any word
    return Mutation(f"{place[1]} at {place.start()} became {word[:20]!r}", expected)


def lost_element(path: Path, chance: random.Random) -> Mutation:
    text = path.read_text()
    name = chance.choice(["bndbox", "xmin", "ymin", "xmax", "ymax", "name"])
    place = chance.choice(list(re.finditer(f"<{name}>.*?</{name}>", text)))
    path.write_text(text[: place.start()] + text[place.end() :])
    return Mutation(f"{name} at {place.start()} lost", REFUSED)


def unclosed(path: Path, chance: random.Random) -> Mutation:
    text = path.read_text()
    place = chance.choice(list(re.finditer(r"</\w+>", text)))
    path.write_text(text[: place.start()] + text[place.end() :])
    return Mutation(f"{place.group()} at {place.start()} lost", REFUSED)


def other_root(path: Path, chance: random.Random) -> Mutation:
    name = chance.choice(["annotations", "html", "Annotation"])
    path.write_text(path.read_text().replace("<annotation>", f"<{name}>").replace("</annotation>", f"</{name}>"))
    return Mutation(f"<{name}>", REFUSED)


def inverted(path: Path, _: random.Random) -> Mutation:
    text = path.read_text()
    text = text.replace("xmin", "swap", 2).replace("xmax", "xmin", 2).replace("swap", "xmax", 2)
    path.write_text(text)
    return Mutation("xmin and xmax swapped", REFUSED)


def strange_difficult(path: Path, chance: random.Random) -> Mutation:
    word = chance.choice(["yes", "true", "2", "-1", "0.5", "nan"])
    path.write_text(path.read_text().replace("<bndbox>", f"<difficult>{word}</difficult><bndbox>", 1))
    return Mutation(f"<difficult> {word}", REFUSED)


def strange_size(path: Path, chance: random.Random) -> Mutation:
    text, word = path.read_text(), chance.choice(["", "x", "0", "-40", "1e9", "nan", "1", "40.5"])
    path.write_text(re.sub(r"<width>\d+", f"<width>{word}", text))
    return Mutation(f"a photo {word!r} wide", LOUD)


XML = (other_text, other_text, lost_element, unclosed, other_root, inverted, strange_difficult, strange_size)

BYTES = (cut, cut, packed_and_cut, junk, zero_byte, recoded, marked, other_line_ends, emptied, gone)
