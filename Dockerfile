# One image for every role. Built from the lock, without build tools, run by a user that owns nothing.
FROM python:3.13-slim AS packages
WORKDIR /build
COPY requirements.lock .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: \
       -r requirements.lock \
    && /venv/bin/python -m compileall -q /venv/lib

FROM python:3.13-slim
LABEL org.opencontainers.image.title="hospital_rt" \
      org.opencontainers.image.description="What a doctor wrote becomes what a patient does"
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin hospital
COPY --from=packages /venv /venv
WORKDIR /srv
COPY main.py ./
COPY hospital_rt hospital_rt/
COPY models models/
COPY tasks tasks/
COPY handlers handlers/
COPY static static/
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000 DATA_DIR=/tmp/hospital_rt
USER hospital
EXPOSE 8000
# Only the web role listens; the others are watched by their process and their metrics.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["python", "main.py"]
CMD ["web"]
