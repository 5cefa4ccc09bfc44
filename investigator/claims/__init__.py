"""What scopes of any engine say, how it is found out by rules, and how code checks it."""
