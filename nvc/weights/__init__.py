"""Weights that ship with nvc: *.safetensors and manifest.json, read by ``nvc.models.weights``."""
