"""The stages of the graph, one file each: it reads its arguments, calls the library, and writes files.

The signature of `main` is the stage's command line; `runtime` runs it, and no result depends on that. Read `train`,
`extract` and `evaluate` first.
"""
