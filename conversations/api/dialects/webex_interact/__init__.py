"""Webex Interact's dialect, from its page on sending texts.

face.py      X-AUTH-KEY, errors as a list, ids
reading.py   a request becomes an order, or is refused in the document's words
sending.py   an order becomes one message, or a campaign
"""
