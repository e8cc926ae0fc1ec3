"""Credentials of Python package repositories, from credential-helper's agent."""

__version__ = "0.1.0"
