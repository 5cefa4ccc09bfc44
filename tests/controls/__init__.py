"""Controls: what each check finds, and how a verdict follows."""
