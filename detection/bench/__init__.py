"""Our speed beside our peers': one file a subject, with one function ``bench_<subject>(...) -> list[Race]``.

A subject lets contestants race on the same items (:mod:`detection.bench.timing`) and says, in each ``Race``, which of
them is the baseline; :mod:`detection.bench.result` prints races and writes them as JSON. A peer that is not installed
is left out, with a note in the ``Race``. A function takes plain keyword arguments, and ``report`` for a progress bar.
"""
