"""A student as ONNX files, its teacher's database as a faiss index, and a search by both.

Read network_file.py (a student as one module, pixels to descriptors) and variants.py (float16, int8), which the stage
`export` uses; student.py and index.py, which describe and search without torch; kinds.py and comparing.py for the
stage `index`.
"""
