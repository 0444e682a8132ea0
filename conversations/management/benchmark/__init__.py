"""Benchmarks: real parts on servers of their own, beside what the same machine can do at best, in the same run.

`contract.py` says what a benchmark is, `report.py` what it hands back. A new one is a module beside delivery.py
and a line in the command `benchmark`. `peers/` has systems of others, for those that `--peers` compares with.
"""
