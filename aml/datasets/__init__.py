"""From upstream's raw files to image sets (the stage `preprocess`).

Read sfm.py, revisited.py, distractors.py and folders.py first; each packs one layout. They read lists with pickles.py
and upstream_lists.py. packing.py takes images out of archives (archives.py) and decodes each once. image_set_writer.py
writes the files that aml.files.image_sets reads.
"""
