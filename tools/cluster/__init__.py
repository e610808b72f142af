"""Runs many stages at once with Ray, on one machine or on many: `python -m tools.cluster`, which `make cluster` calls.

Read in this order: `plan` asks DVC which stages are out of date and what each needs; `orders` holds the messages
between driver and nodes; `driver` hands every stage that can run to Ray; `node` runs one stage where Ray sends it,
through `leash`, which can stop it; `locks` carries entries of dvc.lock between clones; `display` shows the run. Only
`driver` knows Ray, only `plan` and `locks` use DVC as a library. A stage itself is run by tools/repro.py.
"""
