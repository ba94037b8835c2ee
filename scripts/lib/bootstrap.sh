# shellcheck shell=bash
# Sourced by scripts/demo and scripts/test: installs what is missing on Debian and Ubuntu, says so before, changes nothing otherwise.

# A bare machine's CI may not even have this.
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cdc-pipeline
# Outside the checkout: a fresh clone on the same machine need not build librdkafka again.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
# Where rustup puts cargo; a shell that was open before does not know yet.
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$@"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command, quietly; shows what it printed if it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    tail -n 30 "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  else
    sudo "$@"
  fi
}

# Refuses early and plainly where as_root would fail or wait for a password that nobody types.
need_root() {
  [[ $(id -u) == 0 ]] && return
  have sudo || die "this needs root, and sudo is not installed. As root: apt-get install $*"
  if [[ -t 0 ]]; then
    sudo -v || die "sudo was refused"
  else
    sudo -n true 2>/dev/null || die "this needs root; sudo wants a password and there is no terminal to ask on. As root: apt-get install $*"
  fi
}

missing_packages=()
missing_why=()

# need PACKAGE WHY TEST…: notes the package if the test fails, once.
need() {
  local package=$1 why=$2
  shift 2
  [[ " ${missing_packages[*]} " != *" $package "* ]] || return 0
  "$@" || { missing_packages+=("$package") && missing_why+=("$why"); }
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

# Installs what `need` noted.
install_missing_packages() {
  ((${#missing_packages[@]})) || return 0
  have apt-get || die "missing: ${missing_packages[*]}. Please install them (this is neither Debian nor Ubuntu, so their names may differ)"
  local index
  for index in "${!missing_packages[@]}"; do
    say "missing: ${missing_packages[index]} (${missing_why[index]})"
  done
  need_root "${missing_packages[@]}"
  # An unreachable list among several is no reason to stop: what matters is whether the install succeeds.
  quietly apt update || say "apt-get update had problems (above); going on"
  choose_java
  say "installing with apt-get: ${missing_packages[*]}"
  quietly apt install --no-install-recommends "${missing_packages[@]}" || die "apt-get could not install: ${missing_packages[*]}"
}

# Kafka 3.6 is at home on Java 17; where a distribution has it no more, its own default must do.
choose_java() {
  local index
  for index in "${!missing_packages[@]}"; do
    [[ ${missing_packages[index]} == openjdk-17-jre-headless ]] || continue
    LC_ALL=C apt-cache policy openjdk-17-jre-headless | grep -q 'Candidate: [0-9]' || missing_packages[index]=default-jre-headless
  done
}

# What every build needs: librdkafka is C and C++ and comes as source.
need_build_tools() {
  local tool
  for tool in gcc g++ make; do
    have "$tool" || { need build-essential "compiler, linker and make: librdkafka is built from source" false && break; }
  done
  need pkg-config "finds zlib and OpenSSL" have pkg-config
  need libssl-dev "TLS to Kafka" test -e /usr/include/openssl/ssl.h
  need zlib1g-dev "compression in librdkafka" test -e /usr/include/zlib.h
}

# RocksDB's bindings are made from its headers at build time: by libclang, with clang's own headers, which come with -dev.
have_libclang() {
  [[ -n ${LIBCLANG_PATH:-} ]] || compgen -G '/usr/lib/llvm*/lib/libclang.so' >/dev/null || compgen -G '/usr/lib*/libclang.so' >/dev/null
}

wanted_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

# Is this cargo there and new enough? "cargo 1.95.0 (…)"
rust_is_ready() {
  local version
  version=$(cd / && cargo --version 2>/dev/null | cut -d' ' -f2) || return 1
  [[ -n $version ]] && printf '%s\n' "$(wanted_rust)" "${version%%-*}" | sort -VC
}

# What fetching Rust and the packages that we build on takes.
need_rust() {
  # Other distributions keep them elsewhere, and have them.
  if have apt-get; then
    need ca-certificates "to trust where Rust and its packages come from" test -e /etc/ssl/certs/ca-certificates.crt
  fi
  rust_is_ready || have rustup || need curl "fetches the Rust toolchain" have curl
}

# The toolchain, if cargo is missing or too old.
install_rust() {
  local wanted
  rust_is_ready && return
  wanted=$(wanted_rust)
  if have cargo; then
    say "cargo is too old or has no toolchain ($(cd / && cargo --version 2>&1 | head -n 1)); Rust $wanted is needed"
  else
    say "missing: the Rust toolchain"
  fi
  if have rustup; then
    say "installing Rust $wanted with rustup"
    quietly rustup toolchain install "$wanted" --profile minimal || die "rustup could not install Rust $wanted"
  else
    say "installing Rust $wanted with rustup into ${CARGO_HOME:-$HOME/.cargo}"
    quietly install_rustup "$wanted" || die "rustup could not be installed; install Rust $wanted or newer, then run this again"
  fi
  export RUSTUP_TOOLCHAIN=$wanted
  hash -r
  rust_is_ready || die "Rust $wanted was installed, but cargo does not answer: $(cargo --version 2>&1)"
}

# install_components NAME…: cargo's clippy and fmt, where a minimal toolchain came without.
install_components() {
  local name
  for name in "$@"; do
    cargo "$name" --version >/dev/null 2>&1 && continue
    have rustup || die "cargo $name is missing, and there is no rustup to add it: install your distribution's package"
    say "adding cargo $name with rustup"
    quietly rustup component add "${name/#fmt/rustfmt}" || die "rustup could not add $name"
  done
}

install_rustup() {
  curl --proto '=https' --tlsv1.2 -sSf --retry 3 https://sh.rustup.rs | sh -s -- -y --no-modify-path --profile minimal --default-toolchain "$1"
}
