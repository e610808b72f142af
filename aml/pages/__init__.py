"""What people look at: the page with all results, figures, ranked lists and a contact sheet. Torch-free.

Read in this order: `page` renders templates/; `provenance` says which commit, versions and runs made
the results; `figures/` draws with matplotlib; `contact_sheet` and `ranked_lists` arrange thumbnails of the data.
"""
