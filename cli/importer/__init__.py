"""`footfall import access-log`: files to lines, lines to records, records to the log."""
