"""Our code against a plain version of the same work, in one run: `make bench`, or `python -m benchmarks <names>`.

One file a benchmark, each with `run(options)`, which gives `Case`s or `Curve`s; `measure` holds what they share.
"""
