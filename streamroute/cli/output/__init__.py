"""The output of commands: tables, findings, logs, summaries."""
