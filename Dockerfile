# One image for every role. Built from the lock with hashes, without build tools, run by a user that owns nothing.
FROM python:3.13-slim-bookworm AS packages
WORKDIR /build
COPY requirements.lock .
# Without pip inside: what is installed is all that there is.
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes \
       --only-binary=:all: -r requirements.lock \
    && /venv/bin/python -m compileall -q /venv/lib

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="hospital_rt" \
      org.opencontainers.image.description="What a doctor wrote becomes what a patient does"
RUN pip uninstall --yes --quiet --root-user-action ignore pip \
    && rm -rf /usr/local/lib/python3.13/ensurepip \
    && useradd --system --uid 10001 --user-group --home-dir /nonexistent --shell /usr/sbin/nologin hospital \
    && install -d -o hospital -g hospital -m 0700 /backup
COPY --from=packages /venv /venv
WORKDIR /srv
COPY main.py ./
COPY hospital_rt hospital_rt/
COPY models models/
COPY tasks tasks/
COPY cli cli/
COPY handlers handlers/
COPY static static/
RUN python -m compileall -q .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 OPS_PORT=8000 DATA_DIR=/tmp/hospital_rt
USER 10001
EXPOSE 8000
# Every role answers it: the web role at PORT, the others at OPS_PORT.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["python", "main.py"]
CMD ["web"]
