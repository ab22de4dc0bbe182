"""Backup and restore: control plane, store and objects, whatever the shape of the installation.

A backup is a set of objects below one prefix, in a directory or in the object store. Everything in
it is text that any back end reads: rows of the store as TabSeparated, of the control plane
as JSON lines, both in pieces compressed with zstd. `backup.manifest` says what a backup holds.

`backup.make` and `backup.restore` tell in which order things are read and written, and why.
"""
