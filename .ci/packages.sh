#!/usr/bin/env bash
# Installs those of the named Debian packages that are missing.
#
#   .ci/packages.sh curl iproute2
set -euo pipefail

missing=()
for package in "$@"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
  echo "[packages] nothing is missing"
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "[packages] missing, and only root can install them: ${missing[*]}" >&2
  exit 1
fi

echo "[packages] installing ${missing[*]}"
# Packages must not start their services: the tests start what they need, on ports of their own.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
