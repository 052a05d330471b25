# python -m runtime in a container, for linux/amd64 and linux/arm64; docs/raspberry-pi.md says how to build and use it.
FROM python:3.13-slim AS build
COPY . /source
RUN python -m venv --without-pip /opt/gtzanet \
 && python -m pip --python /opt/gtzanet/bin/python install --no-cache-dir "/source[mqtt]"

FROM python:3.13-slim
COPY --from=build /opt/gtzanet /opt/gtzanet
ENV PYTHONUNBUFFERED=1
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /audio
ENTRYPOINT ["/opt/gtzanet/bin/python", "-m", "runtime"]
