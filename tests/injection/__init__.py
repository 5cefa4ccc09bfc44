"""Text in a trace cannot steer the investigator."""
