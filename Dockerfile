# syntax=docker/dockerfile:1
# The image of Rollcall: one program, without a shell or a package manager beside it. TLS (rustls) and SQLite are in the
# program; of the system it needs glibc, libgcc and the certificates, which distroless/cc has. Both stages are Debian 12: a
# program linked against a newer glibc would not start.
#
#   docker build --tag rollcall .

ARG RUST_VERSION=1.95

FROM rust:${RUST_VERSION}-slim-bookworm AS build
# It brings gcc, which compiles the C in the crates: SQLite, and the cryptography of rustls. Nothing else is needed.
# The SBOM: cargo-auditable writes the crates that were really linked into the program itself, so that it cannot get lost or
# be another build's; scanners (trivy, grype, cargo audit) and makers of SBOM files (syft) read it from the image.
RUN cargo install --locked --version 0.7.7 cargo-auditable
WORKDIR /rollcall
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# The dependencies alone, in a layer that only a change of these two files builds anew.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
  && touch src/lib.rs \
  && echo 'fn main() {}' >src/main.rs \
  && cargo auditable build --release --locked --bin rollcall \
  && rm -r src

COPY src src
COPY migrations migrations
COPY web/dist web/dist
COPY schema.graphql ./
# Copied files are as old as in the tree, older than what was just built from the empty ones: cargo would not look again.
# What is built is then asked for its schema, so that no empty program gets out.
RUN find src -name '*.rs' -exec touch {} + \
  && cargo auditable build --release --locked --bin rollcall \
  && target/release/rollcall schema | cmp - schema.graphql

FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Rollcall" \
      org.opencontainers.image.description="A student management system served as one GraphQL API" \
      org.opencontainers.image.licenses="Apache-2.0 OR MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /rollcall/target/release/rollcall /usr/local/bin/rollcall
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/rollcall/
# The API, and the metrics where ADMIN_ADDR says so.
ENV LISTEN_ADDR=0.0.0.0:8000
EXPOSE 8000 9000
# Who distroless calls nonroot, by number: Kubernetes must see that it is not root.
USER 65532:65532
# Of `serve`. A container of `rollcall worker` with ADMIN_ADDR has `rollcall health --admin`; Kubernetes heeds neither, and asks
# /health/… itself.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=6 CMD ["/usr/local/bin/rollcall", "health"]
ENTRYPOINT ["/usr/local/bin/rollcall"]
CMD ["serve"]
