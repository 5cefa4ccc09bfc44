"""Runs against a model endpoint that misbehaves, through the whole product and over real HTTP."""
