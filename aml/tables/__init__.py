"""Tables 5 to 10 of the supplement, and 11 and 12 beyond it, from metrics records to CSV, LaTeX and JSON. No torch.

Read model.py (TABLES, Row, Table), settings.py (what params.yaml says about rows and columns), records.py (the metrics
records), build.py (records to tables), captions.py and notes.py (the sentences above and under a table), bootstrap.py
(draws of landmarks and seeds), uncertainty.py (intervals, and what a dagger means), csv_files.py, latex.py and
json_file.py. claims.py checks the supplement's claims by the comparisons in orderings.py; printed_values.py compares
with the printed tables.
"""
