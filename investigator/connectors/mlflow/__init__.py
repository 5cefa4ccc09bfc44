"""MLflow: the traces of an experiment as a source, and assessments written back to it.

Nothing of `httpx` is imported before an `mlflow://` address is used; it is the extra `mlflow`.
MLflow's own package is not needed.
"""
