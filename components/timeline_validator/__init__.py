"""Timelines against their schema, and a span against an earlier one."""
