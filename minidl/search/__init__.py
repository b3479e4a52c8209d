"""Searching good values for keys of a config, with Optuna (extra ``search``); what ``minidl search`` does."""
