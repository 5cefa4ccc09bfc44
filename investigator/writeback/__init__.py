"""What a report says, as annotations of the spans and traces that it is about. Pure."""
