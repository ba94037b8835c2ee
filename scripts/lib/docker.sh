# shellcheck shell=bash
# Sourced after bootstrap.sh by scripts that use containers: Docker Engine, Compose v2 and buildx, installed and started
# where they are missing. An Engine that answers is used as it is, and its plugins too.

readonly compose_wanted=2.24.4   # the first that knows !override, which kraft.yaml uses
readonly docker_plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
# Where the distribution itself has no Compose v2: the first Debian that has.
readonly plugin_suite=trixie

docker_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Notes Docker Engine for install_missing_packages, unless one answers or can be started.
need_docker() {
  if have docker && docker_answers; then return; fi
  need docker.io "runs the containers of the real stack" have_docker_engine
}

have_docker_engine() { have docker && have dockerd; }

# Notes what `cargo xtask images` needs where no registry can be reached.
need_image_tools() {
  need debootstrap "makes the images' Debian, where no image registry can be reached" have debootstrap
  need maven "fetches Kafka and Debezium for the images" have mvn
  if [[ ! -x ${JAVA_HOME:-}/bin/java ]]; then
    need openjdk-17-jre-headless "runs Maven" have java
  fi
}

# Waits until Docker Engine answers; starts it first where it does not run.
start_docker() {
  local log
  docker_answers && return
  if docker version 2>&1 | grep -q 'permission denied'; then
    die "Docker Engine runs, but this user may not use it: sudo usermod -aG docker $(id -un), then log in again"
  fi
  # Somebody else's Engine is not ours to start.
  case ${DOCKER_HOST:-} in
    '' | unix:///var/run/docker.sock) ;;
    *) die "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST" ;;
  esac
  need_root docker.io
  if [[ -d /run/systemd/system ]]; then
    say "starting Docker Engine with systemctl"
    as_root systemctl start docker || die "Docker Engine could not be started: journalctl -u docker"
    log='journalctl -u docker'
  else
    log=/var/log/dockerd.log
    say "starting Docker Engine (dockerd, its log: $log)"
    # Of its own session, so that Ctrl-C here does not end other people's containers.
    as_root sh -c "setsid nohup dockerd >>'$log' 2>&1 </dev/null &"
  fi
  for _ in {1..120}; do
    if docker_answers; then return; fi
    sleep 0.5
  done
  [[ -r $log ]] && tail -n 20 "$log" >&2
  die "Docker Engine does not answer after 60 s: see $log"
}

# Is there a `docker compose` and is it new enough? "2.26.1", "v2.26.1", "2.26.1-4"
compose_is_ready() {
  local version
  version=$(docker compose version --short 2>/dev/null) || return 1
  version=${version#v}
  printf '%s\n' "$compose_wanted" "${version%%[-+]*}" | sort -VC
}

buildx_is_ready() { docker buildx version >/dev/null 2>&1; }

# Compose v2 and buildx: from the distribution where it has them, else the packages of a later Debian, unpacked for this user only.
need_compose() {
  local missing=()
  compose_is_ready || missing+=(docker-compose)
  buildx_is_ready || missing+=(docker-buildx)
  ((${#missing[@]})) || return 0
  if docker compose version >/dev/null 2>&1; then
    say "Compose $(docker compose version --short) is too old, $compose_wanted is needed"
  fi
  have apt-get || die "missing: Docker Compose $compose_wanted and buildx, as plugins of docker. Please install them"
  if [[ -n $(candidate docker-compose-v2) ]]; then
    plugins_from_distribution docker-compose-v2 docker-buildx
  elif [[ $(candidate docker-compose) == 2.* ]]; then
    plugins_from_distribution docker-compose docker-buildx
  else
    plugins_from_later_debian "${missing[@]}"
  fi
  compose_is_ready || die "Compose $compose_wanted was to be installed, but docker compose says: $(docker compose version 2>&1 | tail -n 1)"
  buildx_is_ready || die "buildx was to be installed, but docker buildx says: $(docker buildx version 2>&1 | tail -n 1)"
}

candidate() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9].*\)$/\1/p'; }

plugins_from_distribution() {
  say "installing with apt-get: $* (starts the stack, builds images)"
  need_root "$@"
  quietly apt install --no-install-recommends "$@" || die "apt-get could not install: $*"
}

# A private apt root: nothing of the machine's own package lists changes, signatures are checked with Debian's keys.
plugins_from_later_debian() {
  local place=${cache:?}/apt-$plugin_suite keys=/usr/share/keyrings/debian-archive-keyring.gpg package
  local mirror
  mirror=$(debian_mirror)
  [[ -n $mirror && -r $keys ]] || die "missing: Docker Compose $compose_wanted and buildx, and this distribution has no packages of them. Please install them as plugins of docker"
  say "taking $* from Debian $plugin_suite, into $docker_plugins only"
  mkdir -p "$place"/{etc,state,cache,unpacked} "$docker_plugins"
  printf 'deb [signed-by=%s] %s %s main\n' "$keys" "$mirror" "$plugin_suite" >"$place/etc/sources.list"
  quietly private_apt "$place" update || die "the package list of Debian $plugin_suite could not be read"
  for package in "$@"; do
    (cd "$place/unpacked" && rm -f "$package"_*.deb && quietly private_apt "$place" download "$package") || die "$package could not be fetched"
    quietly dpkg-deb -x "$place/unpacked/$package"_*.deb "$place/unpacked" || die "$package could not be unpacked"
  done
  install -m 0755 "$place"/unpacked/usr/libexec/docker/cli-plugins/* "$docker_plugins/" || die "the plugins could not be put into $docker_plugins"
}

# The mirror that this machine already uses.
# shellcheck disable=SC2016 # $(SITE) is apt's, not the shell's
debian_mirror() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' 2>/dev/null | grep -m 1 '/debian$'; }

# private_apt PLACE ARGUMENT…: apt-get that neither reads nor changes the machine's own lists.
private_apt() {
  local place=$1
  shift
  apt-get -q -y -o Dir::Etc::sourcelist="$place/etc/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State="$place/state" -o Dir::State::status=/dev/null -o Dir::Cache="$place/cache" \
    -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}
