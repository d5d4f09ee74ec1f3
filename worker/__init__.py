"""HOW a workflow runs: the interpreter, its steps and activities, the catalog. `client` is the way in for others."""
