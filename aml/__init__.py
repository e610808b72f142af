"""Asymmetric metric learning: the library that the stages call. It knows neither DVC nor the paths of the project.

Read in this order: losses (one equation a file), training (tuples, objective, loop), networks, images, extraction
(descriptors at several scales), evaluation (whitening, ranking, protocol), tables, pages. Around these: params (what
params.yaml may say), files (formats that stages share), datasets, download and pretrained (what comes from elsewhere),
compute (device, memory, processes, unfinished work), complexity, run_log.
"""
