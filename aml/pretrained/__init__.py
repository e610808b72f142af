"""Networks that others trained: ImageNet weights, and the authors' published networks.

Read imagenet.py (the file of a backbone's weights, and its tensors by our names), then conversion.py: a published file
as a network of ours. It uses files.py (fetching), checkpoints.py (reading) and layouts.py (names of tensors).
"""
