"""Fits and training: what makes the integers and weights that ship with nvc."""
