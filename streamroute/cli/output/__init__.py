"""What commands print: tables, findings, logs, summaries. Decides nothing about a message."""
