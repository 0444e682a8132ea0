"""CCAI Platform's dialect, from its page on outbound SMS.

face.py      the key as the password of HTTP Basic, and refusals of one sentence
chat.py      a conversation of ours as the chat object that every text is answered with
sending.py   POST /apps/api/v1/sms
"""
