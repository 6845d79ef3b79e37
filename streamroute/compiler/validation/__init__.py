"""JSON Schema, draft-07 and 2020-12, as functions that count their steps.

Messages come from anybody. A library can neither be told how long it may take nor be stopped, and its time
may be exponential in the data; here each step is counted, no value is checked twice against a schema that
refers to itself, and patterns match in time linear in the text. The JSON-Schema-Test-Suite holds.
"""
