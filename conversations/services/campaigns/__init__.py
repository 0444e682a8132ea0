"""Campaigns: one message for many, from a list to the last outcome.

audience.py    a file becomes rows with a verdict each
reading.py     who reads and checks a list: the request itself, or a worker
columns.py     what the titles of a file become, and which column holds the number
sources.py     the people of conversations become such rows
texts.py       what each person is sent
lengths.py     how long the texts are, and what they come to
preflight.py   the check before anybody is written to
trial.py       a test to oneself
control.py     confirm, begin, pause, resume, stop, send the failures again
planning.py    rows become chunks, while the first chunks already leave
sending.py     a worker takes a chunk: claim, gate, wire, outcome
window.py      the requests of a chunk that are under way together
recording.py   messages are written once, with their outcome, in sets
upkeep.py      what the dispatcher does for campaigns
"""
