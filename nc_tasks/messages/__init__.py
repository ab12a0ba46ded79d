"""Celery's messages: the application, what is sent, how urgent it is, and what the broker has of it."""
