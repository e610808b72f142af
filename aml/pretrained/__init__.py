"""Networks that others trained: ImageNet weights, and the authors' published networks.

Read files.py (fetching and reading), imagenet.py (the file of a backbone's weights, and its tensors by this project's
names), then conversion.py (a published file as a network of this project) with layouts.py (names of its tensors).
"""
