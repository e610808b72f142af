"""What training and extraction share about machines.

Read device.py (section `runtime` of params.yaml: the device, and settings that make results repeat), out_of_memory.py
(smaller batches if memory is short), unfinished.py (what an interrupted stage leaves for the next run),
feature_cache.py (the outputs of frozen blocks, kept on disk).
"""
