"""Everything that Redis knows of a group, read in a few round trips. Changes nothing."""
