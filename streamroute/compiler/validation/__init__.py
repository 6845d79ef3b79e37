"""JSON Schema, draft-07 and 2020-12, as functions that count their steps.

Messages are not trusted. A library cannot be given a time limit or be stopped, and its time may be
exponential in the data. Here each step is counted, no value is checked twice against a schema that refers to
itself, and patterns match in time linear in the text. The JSON-Schema-Test-Suite passes.
"""
