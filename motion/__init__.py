"""Block motion: search (encoder), candidates and fields (both sides), integer prediction (both sides)."""
