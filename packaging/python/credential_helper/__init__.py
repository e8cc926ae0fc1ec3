"""Credentials of Python package repositories, from credential-helper's agent."""
