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
sending.py     a worker claims a chunk and sends it window by window
taking.py      what a window is: who may be written to now, in requests that have their turn
window.py      a window leaves in waves, and what it came to is stored at once
wave.py        requests that connect side by side and are put on the wire together
recording.py   the outcome of a window, in one transaction
writing.py     its messages, written once, with the contacts and conversations they lack
copying.py     COPY
statements.py  what every window asks, written out
hours.py       when each person may be written to
media.py       files of templates, kept usable
upkeep.py      what the dispatcher does for campaigns
"""
