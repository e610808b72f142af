"""Commands that are not stages.

repro (`dvc repro`, faster for many stages), doctor (can this machine run it?), repair (lock files; --verify), tidy
(removes results that are out of date), compare (table cells that moved), pdf, studies and budget (seeds, losses,
budgets), cluster/ (many stages at once, with Ray), search/ (a photo in a teacher's index).
"""
