"""Networks that others trained: ImageNet weights, and the authors' published networks.

Read imagenet.py (the file of a backbone's weights, and its tensors by this project's names), then conversion.py (a
published file as a network of this project). They use files.py (fetching), checkpoints.py (reading) and layouts.py
(names of tensors).
"""
