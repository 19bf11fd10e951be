# Airflow with Headrace in it: one image for every service of docker-compose.yml that runs Python.

FROM python:3.11.15-slim-bookworm AS build
# mysqlclient has no wheels for Linux and is compiled.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev pkg-config default-libmysqlclient-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python -m venv /opt/headrace/venv
ENV PATH=/opt/headrace/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# What is locked, hashes checked, without what only developers need; it changes less often than the code below.
COPY .ci/runtime.py pyproject.toml requirements-airflow.lock ./
RUN python runtime.py pyproject.toml requirements-airflow.lock >runtime.lock \
 && awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' runtime.lock >setuptools.lock \
 && pip install --quiet --require-hashes --requirement setuptools.lock \
 && pip install --quiet --require-hashes --no-deps --no-build-isolation --requirement runtime.lock
COPY README.md LICENSE ./
COPY data/feeds.toml data/
COPY sql sql
COPY engine engine
RUN pip install --quiet --no-deps --no-build-isolation . \
 && pip check

FROM python:3.11.15-slim-bookworm
# libmariadb3 is what mysqlclient was linked with. Whoever runs the image is in group 0, with whatever number: that is how
# the data folder can be its owner's own.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libmariadb3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 50000 --gid 0 --home-dir /airflow --no-create-home --shell /usr/sbin/nologin headrace \
 && install --directory --owner=50000 --group=0 --mode=0775 /airflow /airflow/logs /data
COPY --from=build /opt/headrace/venv /opt/headrace/venv
COPY dags /opt/headrace/dags
# All is compiled by pip; the DAGs are here, and nothing is written at run time.
RUN /opt/headrace/venv/bin/python -m compileall -q /opt/headrace/dags
# A number that has no name in /etc/passwd is somebody, too.
ENV PATH=/opt/headrace/venv/bin:$PATH PYTHONUNBUFFERED=1 AIRFLOW_HOME=/airflow HOME=/airflow USER=headrace
USER 50000:0
WORKDIR /airflow
CMD ["airflow", "version"]
