"""The stages of the graph, one file each: it reads its arguments, calls the library, and writes files.

The signature of `main` is the stage's command line; `runtime` runs it, and no result depends on that. Read `train`,
`extract` and `evaluate` first.
"""

import gc
import sys

if sys.argv[0] == "-m":  # a stage starts, not a program that imports one
    gc.disable()  # else the garbage collector visits what is imported: 0.3 of torch's 1.6 s; `runtime.run` enables it
