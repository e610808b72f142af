"""From upstream's raw files to image sets (the stage `preprocess`).

Read sfm.py, revisited.py, distractors.py and folders.py first: one layout each. They read lists by pickles.py and
upstream_lists.py, take images out of archives (archives.py) by packing.py, which decodes each once, and write
by image_set_writer.py what aml.files.image_sets reads.
"""
