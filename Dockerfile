# SPDX-License-Identifier: GPL-3.0-or-later
# A small image: the binary, the libraries that it loads, a user without rights, and nothing else, not
# even a shell. Its root may be read-only; it writes nothing.
#   docker build -t postern .
#   docker run --read-only --cap-drop ALL -p 8883:8883 -v /etc/postern:/etc/postern:ro postern
#   podman build --format docker -t postern .     # podman's own format has no HEALTHCHECK
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
COPY deploy/packages.sh deploy/packages.sh
RUN . deploy/packages.sh && packages_install $BUILD_PACKAGES
COPY . .
RUN cmake -G Ninja -S . -B /build -DCMAKE_BUILD_TYPE=Release -DPOSTERN_TESTS=OFF \
        -DPOSTERN_WOLFSSL_DIR=/build -DCMAKE_INSTALL_PREFIX=/usr \
    && cmake --build /build --target postern \
    && strip --strip-unneeded -o /postern /build/postern \
    && deploy/image-root.sh /postern /image

FROM scratch
COPY --from=build /image /
USER 10001:10001
EXPOSE 8883
STOPSIGNAL SIGTERM
# By the admin address of the configuration. Whether the process is alive, and not whether a broker
# answers: a restart of Postern brings no broker back.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
    CMD ["postern", "health", "--alive", "-c", "/etc/postern/postern.yaml"]
ENTRYPOINT ["postern"]
CMD ["run", "-c", "/etc/postern/postern.yaml"]
