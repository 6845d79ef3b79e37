"""The output of commands: tables, findings, logs, summaries. Computes no results and runs no command."""
