"""What a call does: by the SQL, command, request, code or file it is given, else by its name."""
