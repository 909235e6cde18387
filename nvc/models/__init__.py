"""Torch modules of the neural coder: no files (but ``weights``), no bytes, no motion, no entropy coding."""
