"""WHAT a workflow is: model, contract, expressions and dialects. Pure: no Temporal, no HTTP, no clock."""
