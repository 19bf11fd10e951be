"""Pages of files, runs and tasks: what an operator looks at inside Airflow."""
