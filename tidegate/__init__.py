"""The command `tidegate`: the thin root that puts the other packages together. Nothing imports it."""
