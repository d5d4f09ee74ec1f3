"""Recorded histories of every release: what was parked under it has to go on under every later one."""
