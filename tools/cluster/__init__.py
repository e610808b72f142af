"""Runs many stages at once with Ray, on one machine or on many: `python -m tools.cluster`, which `make cluster` calls.

Read in this order: `plan` asks DVC which stages are out of date and what each needs; `orders` holds the messages
between driver and nodes; `driver` hands every stage that can run to Ray; `node` runs one stage where Ray sends it,
through `leash`, which can stop it; `stage` has DVC run that stage; `locks` reads and writes entries of dvc.lock, by
`lock_text`; `display` shows the run. Only `driver` knows Ray; `plan`, `stage` and `locks` use DVC as a library.
"""
