"""Regular expressions of ECMA-262 in unicode mode, matched in a bounded number of steps.

They are independent of schemas and configurations.

Source: https://tc39.es/ecma262/#sec-patterns
"""
