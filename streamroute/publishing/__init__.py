"""Publish events to the streams of a configuration, from a program or from the command line.

An event is encoded by the codec of its stream, checked against the catalogue on demand, and written in
bounded chunks.
"""
