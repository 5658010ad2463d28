"""Diagnostics: what is asked for beside what is there, and what to do about the difference."""
