"""The evaluation report: a result's figures, what they are made of and where to look, on one page.

``page`` writes it; ``curves`` are its charts, ``sheets`` its tables, ``photos`` the images with the most errors.
"""
