import sys

import pytest

from detection.bench.timing import Contestant, Spent, race
from detection.bench.worker import Worker

DOUBLES = """
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    print(json.dumps({"wall": item, "cpu": 2 * item}), flush=True)
"""
FAILS = """
import sys
input()
sys.exit("Traceback\\nNo module named 'cv2.ximgproc'")
"""
NONSENSE = "print('hello', flush=True); input()"


def test_what_the_program_says_it_took_is_what_counts() -> None:
    with Worker([sys.executable, "-c", DOUBLES]) as worker:
        (timing,) = race([Contestant("theirs", worker)], [1.5, 2.5])
    assert timing.wall == (1.5, 2.5)
    assert timing.cpu == (3.0, 5.0)


def test_it_ends_with_its_block() -> None:
    with Worker([sys.executable, "-c", DOUBLES]) as worker:
        assert worker(1) == Spent(1.0, 2.0)
    assert worker._process.returncode == 0


@pytest.mark.parametrize(("program", "words"), [(FAILS, "No module named 'cv2.ximgproc'"), (NONSENSE, "no answer")])
def test_a_program_that_does_not_answer_is_an_error_with_its_last_words(program: str, words: str) -> None:
    with Worker([sys.executable, "-c", program]) as worker, pytest.raises(RuntimeError, match=words):
        worker("item")
