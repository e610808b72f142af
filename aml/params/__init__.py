"""All that params.yaml can say: each section as a dataclass whose fields state type and limits.

Read `reading` first: it loads the file and checks values. `grid` has the names and the keys of networks, `networks`,
`losses` and `training` what is trained and how, `extraction` the descriptors, `datasets` and `pretrained` where files
come from, `reports` the tables and figures. Nothing here imports torch.
"""
