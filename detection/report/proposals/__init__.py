"""The proposal report: how many regions, how long they take, which objects they cover, beside what was published.

``measure`` goes through the photos once. ``sheets`` and ``figures`` are its numbers, to read and as JSON; ``claims``
sets those of the paper's section 8 beside them; ``unreached`` finds the objects that no region reaches; ``plot`` and
``page`` are what can be looked at.
"""
