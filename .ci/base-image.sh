#!/usr/bin/env bash
# Makes a local stand-in for the official image node:24-bookworm-slim, for machines that reach Debian's packages and
# the npm registry but no image registry: Debian 12 with apt, Node and npm in /usr/local, the user node (1000).
#
#   .ci/base-image.sh TAG
set -euo pipefail

tag=${1:?usage: base-image.sh TAG}
node_major=24
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What lies in here is laid over the Debian system.
overlay=$work/overlay

take_node_and_npm() {
  local modules=$overlay/usr/local/lib/node_modules bin=$overlay/usr/local/bin
  mkdir -p "$modules" "$bin"
  # The packages' own files; no install script runs.
  (cd "$work" && npm pack --loglevel=error "node-linux-$(node -p process.arch)@$node_major" npm@11 >/dev/null)
  tar -xzf "$work"/node-linux-*.tgz -C "$work" package/bin/node
  install -m 755 "$work/package/bin/node" "$bin/node"
  rm -r "$work/package"
  tar -xzf "$work"/npm-*.tgz -C "$work"
  mv "$work/package" "$modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$bin/npx"
}

# Like the official image: a command that is no program is a script or an option for node.
write_entrypoint() {
  cat >"$overlay/usr/local/bin/docker-entrypoint.sh" <<'SCRIPT'
#!/bin/sh
command -v "$1" >/dev/null 2>&1 || set -- node "$@"
exec "$@"
SCRIPT
  chmod 755 "$overlay/usr/local/bin/docker-entrypoint.sh"
}

# npm inside `docker build` has to trust the registries that npm on this machine trusts.
copy_authorities() {
  mkdir -p "$overlay/etc/ssl/certs"
  cp /etc/ssl/certs/ca-certificates.crt "$overlay/etc/ssl/certs/" 2>/dev/null || true
}

make_system() {
  mmdebstrap --quiet --variant=apt \
    --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='chroot "$1" groupadd -g 1000 node' \
    --customize-hook='chroot "$1" useradd -u 1000 -g node -s /bin/bash -m node' \
    --customize-hook="tar -C '$overlay' --owner=0 --group=0 -cf - . | tar -C \"\$1\" --keep-directory-symlink -xf -" \
    --customize-hook='rm -rf "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/*' \
    bookworm "$work/system.tar"
}

command -v mmdebstrap >/dev/null || "$here/packages.sh" mmdebstrap
take_node_and_npm
write_entrypoint
copy_authorities
make_system
docker import \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
  --change 'ENTRYPOINT ["docker-entrypoint.sh"]' --change 'CMD ["node"]' \
  "$work/system.tar" "$tag" >/dev/null
echo "[docker] $tag made with node $(docker run --rm "$tag" node --version)"
