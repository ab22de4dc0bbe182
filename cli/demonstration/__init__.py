"""What `footfall demo` does once everything runs."""
