"""`cleanse doctor`: looks at everything that a scan needs, changes nothing, and says what to do."""
