"""The benchmark: one flow as data through HTTP, beside the same flow written by hand for Temporal."""
