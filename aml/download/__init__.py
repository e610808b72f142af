"""Fetch files from the web or from local copies (the stages `download`, `weights` and `convert`).

Read fetch.py first: it fetches one file (resumed, checked, compared with the digest of its first download) or several
at a time. transfer.py has single requests and the checks of what comes.
"""
