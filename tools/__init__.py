"""Commands that are not stages: repro (`dvc repro`, faster for many stages), doctor (can this machine run it?), repair
(lock files; --verify), tidy, compare, pdf, cluster/ (many stages at once, with Ray)."""
