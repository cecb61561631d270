# One image for every role. Built from the lock with hashes, without build tools, run by a user that owns nothing.
FROM python:3.13-slim-bookworm AS packages
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
# http-ece has no wheel: it is built here, by the locked setuptools and nothing that a build would fetch by itself.
# Every file is checked by its hash as it comes; the second command takes what the first has checked. The service's
# environment has no pip: what is installed is all that there is.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN pip install --require-hashes --only-binary=:all: -r requirements-build.lock \
    && pip wheel --no-deps --require-hashes --only-binary=:all: --no-binary=http-ece --no-build-isolation \
       --wheel-dir /checked -r requirements.lock \
    && python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-deps --no-index /checked/*.whl \
    && /venv/bin/python -m compileall -q /venv/lib

FROM python:3.13-slim-bookworm
# What this image is: the target `image` of the Makefile gives the arguments. The version that a node tells comes from pyproject.toml.
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=https://example.org/hospital_rt
ENV HOSPITAL_RT_REVISION=$REVISION
LABEL org.opencontainers.image.title="hospital_rt" \
      org.opencontainers.image.description="What a doctor wrote becomes what a patient does" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.source=$SOURCE
RUN pip uninstall --yes --quiet --root-user-action ignore pip \
    && rm -rf /usr/local/lib/python3.13/ensurepip \
    && useradd --system --uid 10001 --user-group --home-dir /nonexistent --shell /usr/sbin/nologin hospital \
    && install -d -o hospital -g hospital -m 0700 /backup /backup-keys
COPY --from=packages /venv /venv
WORKDIR /srv
COPY main.py ./
COPY pyproject.toml ./
COPY hospital_rt hospital_rt/
COPY models models/
COPY tasks tasks/
COPY cli cli/
COPY handlers handlers/
COPY static static/
# Readable for the service's user whatever the umask was under which this was checked out.
RUN chmod -R a+rX /srv && python -m compileall -q .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 OPS_PORT=8000 DATA_DIR=/tmp/hospital_rt
USER 10001
EXPOSE 8000
# Every role answers: the web role at PORT, the others at OPS_PORT. Compose has the same for engines that ignore this.
HEALTHCHECK --interval=10s --timeout=10s --start-period=300s --start-interval=2s --retries=3 \
    CMD ["python", "main.py", "healthy"]
ENTRYPOINT ["python", "main.py"]
CMD ["web"]
