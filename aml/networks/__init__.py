"""The networks: a backbone, a projection for students, GeM pooling.

Read network.py (RetrievalNetwork, GeM), backbones/ (one file each), inference.py (device, precision, memory layout,
folded BatchNorm), stored.py (a model's folder, files of tensors, starting from ImageNet weights).
"""
