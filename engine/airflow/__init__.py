"""The engine under Airflow: what its DAGs, its triggerer and its pages need; nothing else of the engine knows this."""
