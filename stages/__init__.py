"""One file a stage: arguments -> library -> files."""

import gc

gc.disable()  # until `runtime.run` starts the stage: importing torch is then half a second of four shorter
