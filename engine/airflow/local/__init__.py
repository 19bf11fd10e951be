"""A private Airflow below `.local/`: its environment, its processes, its databases; nothing of it leaves this machine."""
