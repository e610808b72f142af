"""What networks cost, for the stage `complexity`.

Read `measuring` (parameters, multiply-adds, time), then `costs` (the files).
"""
