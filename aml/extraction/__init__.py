"""From a model and image lists to a folder of descriptors, for the stages `extract` and `targets`.

Read describe.py (images to multi-scale descriptors), then descriptor_folder.py (a whole run: shards on disk, several
processes, an interrupted run that goes on). named_vectors.py is for the stage `vectors`: descriptors that exist.
"""
