"""Testing: from descriptors and ground truth to mAP, mP@k and the AP of each query. No torch.

Read protocol.py (which descriptors meet, and whose whitening they share), ranking.py (mAP and mP@k as the revisited
benchmark defines them), counting.py (ranks without sorting, the fast part), whitening.py, per_query.py (the CSV file of
each query's scores), chance.py (what a random ranking gives), landmarks.py (which queries show the same building).
neighbours.py lists the nearest images of a query, for people to look at, and for expansion.py: query expansion and
database-side augmentation, off by default.
"""
