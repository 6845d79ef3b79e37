"""Several serving processes: a supervisor, and the reports of its workers. Opens no connection to Redis."""
