"""`python -m tools.search`: find photos in a teacher's index by an exported student.

__main__.py has the command line, finder.py a search, photo.py reads photos, page.py and server.py show the results in a
browser.
"""
