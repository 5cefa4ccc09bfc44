"""What every part may stand on; nothing in here knows anything of the package but its errors."""
