"""The figures of the page: `style` holds what they share, `results` the scores that they show;
then one module for each figure: `cost`, `losses`, `distractors`, `queries`, `training`, `indexes`. Torch-free.
"""
