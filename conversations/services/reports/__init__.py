"""Reports: how much, how fast, what arrived, and the rows behind each number.

working_time.py  seconds in working hours between two moments: a pure function
keeping.py       adds up what triggers note, measures working hours, rebuilds all of it
scope.py         which days, which streams, which hours: what a page was asked for
numbers.py       reads the kept numbers of a scope
rows.py          the messages, conversations and decisions behind a number
tables.py        a report as tables of words, which the page shows and the CSV file holds
building.py      makes a report of the numbers; breakdowns.py has its tables by clock, person, stream and the like
words.py         durations, shares, money and changes in words
export.py        one row a conversation
"""
