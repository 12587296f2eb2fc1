# rruled as a sidecar: the program, its libraries, certificates and time zones; no shell, not root.
#
#   docker build -t rruled .
#   docker run -v rruled:/var/lib/rruled --read-only rruled
#
# --build-arg PROGRAM=prebuilt takes what `./dev package` has made instead of compiling again; buildah
# 1.28 also wants to be told PROGRAM=compiled, since it leaves out stages that only a default names.
ARG BASE=docker.io/library/debian:bookworm-slim
ARG PROGRAM=compiled

FROM ${BASE} AS compiled
WORKDIR /src
COPY dev ./
RUN ./dev deps package
COPY . ./
RUN ./dev package && mv build/image /out

FROM ${BASE} AS prebuilt
COPY build/image /out

FROM ${PROGRAM} AS program

FROM ${BASE} AS root
COPY --from=program /out /out
COPY systemd/image /assemble
RUN dpkg --install /out/rruled.deb \
    || { apt-get update && apt-get install --yes --fix-broken --no-install-recommends; }
RUN [ -e /etc/ssl/certs/ca-certificates.crt ] \
    || { apt-get update && apt-get install --yes --no-install-recommends ca-certificates; }
RUN /assemble/assemble.sh /image /out/libicudata.so.*

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="rruled" \
      org.opencontainers.image.description="Schedule daemon for recurring flow runs" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="scratch"
COPY --from=root /image /
# Numeric, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /var/lib/rruled
VOLUME /var/lib/rruled
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    TMPDIR=/var/lib/rruled
EXPOSE 8480
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s CMD ["/usr/bin/rruled", "healthcheck"]
ENTRYPOINT ["/usr/bin/rruled"]
CMD ["run"]
