#!/usr/bin/env bash
# Sees to it that a Docker engine answers and that the image which the Dockerfile starts from exists.
# Does only what is missing, so it can be run as often as one likes.
#
#   .ci/docker.sh            engine and base image
#   .ci/docker.sh engine     the engine alone: installs docker.io and starts dockerd (as root) if none answers
#   .ci/docker.sh image      the base image alone: pulls it, or makes a stand-in where no registry answers
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
base_image=${BASE_IMAGE:-node:24-bookworm-slim}
daemon_log=/var/log/nearbits-dockerd.log

say() { printf '[docker] %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }
engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

ensure_engine() {
  if engine_answers; then
    say "engine $(docker version --format '{{.Server.Version}}') answers"
    return
  fi
  [ "$(id -u)" = 0 ] || fail "no engine answers, and only root can start one: start Docker and try again"
  command -v dockerd >/dev/null || "$here/packages.sh" docker.io
  start_daemon
  # dockerd opens its socket when it is ready and tells nobody, so it has to be asked.
  for _ in $(seq 1 300); do
    if engine_answers; then say "engine started"; return; fi
    sleep 0.2
  done
  tail -n 20 "$daemon_log" >&2 || true
  fail "dockerd did not come up within 60 s"
}

start_daemon() {
  if [ -d /run/systemd/system ]; then
    systemctl start docker
    return
  fi
  # A pid file that a dead daemon left behind keeps a new one from starting.
  local pid_file=/var/run/docker.pid
  if [ -f "$pid_file" ] && ! kill -0 "$(cat "$pid_file")" 2>/dev/null; then rm -f "$pid_file"; fi
  say "starting dockerd (log: $daemon_log)"
  # A session of its own and no inherited pipes: the daemon outlives this script.
  setsid nohup dockerd >"$daemon_log" 2>&1 </dev/null &
}

ensure_image() {
  if docker image inspect "$base_image" >/dev/null 2>&1; then
    say "$base_image is there"
  elif timeout 300 docker pull --quiet "$base_image" >/dev/null 2>&1; then
    say "$base_image pulled"
  else
    say "no registry has $base_image for us: making a stand-in"
    "$here/base-image.sh" "$base_image"
  fi
}

case "${1:-all}" in
  engine) ensure_engine ;;
  image) ensure_image ;;
  all) ensure_engine; ensure_image ;;
  *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
