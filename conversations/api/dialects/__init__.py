"""The dialects: what was written for a provider's API works here, over our own conversations, messages and templates.

calls.py          what every door has in common: the key, the body, the refusal in the dialect's own shape
sending.py        one message to one person, as the pages send it
webex_interact/   POST /v1/sms: one number is a message, more are a campaign
ccai_platform/    POST /apps/api/v1/sms: a text, and the chat it belongs to
cirrus/           texts, templates, and conversations as objects

Each door reads a request as its document says, calls the services that the pages call, and answers in the document's
words. Provider words are allowed here, as they are in messaging/providers/. docs/dialects.md says what maps to what.
"""
