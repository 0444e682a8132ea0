"""Cirrus's dialect, from its pages on SMS, WhatsApp and objects. An object is a conversation, a child a message.

face.py       the bearer key, the envelope around every answer, reading of fields
words.py      the numbers that it gives to statuses, channels and activities
finding.py    streams, conversations and colleagues by ids of ours, customers by their digits
texts.py      the initial text, and a text to a number
whatsapp.py   templated messages V2, uploads, the check of a number
components.py the values of a templated message, as our templates take them
objects.py    creating an object, and a child in it
reading.py    an object, its activities, its transcript
notes.py      status, content, activity log, remarks, indicators
"""
