"""Evaluation by an interpreter or by generated code, within a budget. Knows no types."""
