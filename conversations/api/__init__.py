"""The JSON API below /api/v1/: another way in, over the same services, the same gate and the same visibility.

door.py lets keys in and counts them, operations.py declares what can be done, errors.py says why not, paging.py leads
through lists. Each resource has a module; site.py puts them together, and reference.py shows them to people.
"""
