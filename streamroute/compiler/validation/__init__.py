"""JSON Schema validation (draft-07 and 2020-12) by functions that count their steps.

Messages are not trusted. A library has no time limit and cannot be stopped, and its time may be exponential
in the data. Here each step is counted, a recursive schema checks each value once, and patterns match in time
linear in the text. The JSON-Schema-Test-Suite passes. Independent of routes and streams.
"""
