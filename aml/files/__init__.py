"""Formats that stages share, and how they are written.

Read image_sets.py and descriptors.py first: the contents of data/processed and data/descriptors. whitening.py has a
network's whitening, evaluated_lists.py the image lists of testing, atomic.py writes files and folders whole, digests.py
has the sha256 of files and of code.
"""
