# The worker as it was compiled on this machine, on this machine's own Debian or Ubuntu: its C library fits.
# `cargo xtask images` compiles it and puts it beside this file.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
# TLS to Kafka, compression, and the authorities that the world trusts.
RUN apt-get update \
 && apt-get install --no-install-recommends -y ca-certificates libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/* /var/log/*
RUN groupadd --gid 10001 worker && useradd --uid 10001 --gid worker --home-dir /var/lib/worker --no-create-home --shell /usr/sbin/nologin worker \
 && install -d -o worker -g worker -m 0750 /var/lib/worker
COPY worker /usr/local/bin/worker
# A library that is missing is found here, not at the first start.
RUN worker --version
# The state, and where relative paths of the configuration begin.
WORKDIR /var/lib/worker
VOLUME ["/var/lib/worker"]
# Numeric: who checks that a container is not root need not look names up.
USER 10001:10001
EXPOSE 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["worker"]
CMD ["run"]
