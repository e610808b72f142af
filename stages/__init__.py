"""One file a stage: arguments -> library -> files. `runtime` runs them; no result depends on it.

Read `train`, `extract` and `evaluate` first.
"""
