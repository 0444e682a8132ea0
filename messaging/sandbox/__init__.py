"""A stand-in for every provider, over real HTTP, with virtual phones at the other end.

It is a process and a site of its own (`manage.py sandbox`) with its rows in a SQLite file, and shares no code with
`messaging.providers`: both are written from the providers' documents, so each can catch the other's mistakes.
"""
