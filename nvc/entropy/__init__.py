"""Symbols to bytes and back: interleaved rANS over static integer tables (docs/format.md, "Entropy coder")."""
