"""Formats that stages share, and how they are written.

Read image_sets.py and descriptors.py first: what data/processed and data/descriptors hold. whitening.py has a network's
own whitening, evaluated_lists.py the image lists of testing, atomic.py whole writes of files and folders, digests.py
sha256 of files and of code.
"""
