# SPDX-License-Identifier: GPL-3.0-or-later
# A small image that runs Postern as a user without rights, on a read-only root:
#   docker build -t postern .
#   docker run --read-only -p 8883:8883 -v /etc/postern:/etc/postern:ro postern
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
COPY deploy/packages.sh deploy/packages.sh
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN . deploy/packages.sh && packages_install $BUILD_PACKAGES
COPY . .
RUN cmake -G Ninja -S . -B /build -DCMAKE_BUILD_TYPE=Release -DPOSTERN_TESTS=OFF \
        -DPOSTERN_WOLFSSL_DIR=/build -DCMAKE_INSTALL_PREFIX=/usr \
    && cmake --build /build --target postern \
    && strip --strip-unneeded -o /usr/local/bin/postern /build/postern \
    && /usr/local/bin/postern version

FROM ${BASE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        libuv1 libyaml-0-2 libjansson4 libre2-9 libcurl3-gnutls libmicrohttpd12 libseccomp2 libargon2-1 libc-ares2 >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin postern
COPY --from=build /usr/local/bin/postern /usr/bin/postern
USER 10001
EXPOSE 8883
ENTRYPOINT ["postern"]
CMD ["run", "-c", "/etc/postern/postern.yaml"]
