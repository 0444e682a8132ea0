"""The sandbox's pages: virtual phones to hold, the ledger to read, and what is documented and what is made up.

They are rendered by a template engine of their own (`rendering`), so that no context processor, tag or style of the
product is involved; every one works by full page loads, and the scripts in `static/sandbox/` only spare those.
"""
