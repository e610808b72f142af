"""From a model and image lists to a folder of descriptors, for the stages `extract` and `targets`.

Read describe.py (images to multi-scale descriptors), then descriptor_folder.py (a whole run: shards on disk, several
processes, continuing an interrupted run) and database_whitening.py (the whitening of database and distractors).
named_vectors.py serves the stage `vectors`, whose descriptors exist already.
"""
