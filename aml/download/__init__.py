"""Fetch files from the web or from local copies (the stages `download`, `weights` and `convert`).

Read fetch.py first: one file, resumed, checked, compared with the digest that its first download left, and the files of
a dataset side by side. transfer.py has single requests and the checks of what comes.
"""
