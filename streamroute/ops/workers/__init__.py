"""Several serving processes: a supervisor, and the reports of its workers."""
