"""Benchmarks: the peer and us alternately, the ratio with its spread, and the machine."""
