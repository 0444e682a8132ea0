"""The main job through every provider, as rows of a table (command `demo`).

processes.py                        sandbox, web, workers and dispatcher of one run
stage.py                            what the rows stand on: writing, answering, following, watching the wire
cirrus*.py ccai_platform.py webex_interact.py    the rows, a function each, in the order they are played
"""
