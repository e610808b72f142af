"""Training a network: which images meet, the loss of a batch and its gradient, epochs, checkpoints.

Read tuples.py (random images, or pairs with mined negatives), objective.py (features of a batch's images, its loss, its
gradient), loop.py (epochs, learning rates, Adam, validation, which epoch is kept), checkpoints.py. The losses are in
aml/losses, the networks in aml/networks; the stage is stages/train.py.
"""
