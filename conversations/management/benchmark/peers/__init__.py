"""Other systems that do a part of the same work, measured beside ours where `--peers` asks for them.

`contract.py` says what a peer is, `environment.py` installs those that PyPI has where nothing of it stays. A module a
peer; one whose name ends in `_site` is a program of the peer's own environment, which has Django but nothing of ours.
"""
