"""Time our code against a plain version of the same work, in one run: `make bench` or `python -m benchmarks <names>`.

Each benchmark is a file with a function `run(options)`, which gives `Case`s or `Curve`s. Read `measure` first.
"""
