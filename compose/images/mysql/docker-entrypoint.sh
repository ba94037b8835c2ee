#!/usr/bin/env bash
# From an empty volume to a running server, MySQL or MariaDB: MYSQL_* variables, each also as a file (NAME_FILE), and
# /docker-entrypoint-initdb.d.
set -euo pipefail

[[ ${1:-mysqld} != -* ]] || set -- mysqld "$@"
[[ ${1:-mysqld} == mysqld ]] || exec "$@"
shift || true

data=/var/lib/mysql
half_made=$data/.being-initialised

say() { echo "docker-entrypoint.sh: $*"; }
fail() { say "$@" >&2; exit 1; }

# NAME, or what the file named by NAME_FILE holds.
value_of() {
  local name=$1 file=$1_FILE
  [[ -z ${!name:-} || -z ${!file:-} ]] || fail "both $name and $file are set"
  if [[ -n ${!file:-} ]]; then
    [[ -r ${!file} ]] || fail "$file: ${!file} cannot be read by uid $(id -u)"
    printf -v "$name" '%s' "$(<"${!file}")"
    export "${name?}"
  fi
}

# As a string in SQL.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

# Runs SQL from standard input as root; scripts in /docker-entrypoint-initdb.d call it by this name, as in the public image.
docker_process_sql() { mysql --protocol=socket -uroot --comments "$@"; }

initialise() {
  [[ -n ${MYSQL_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}${MYSQL_RANDOM_ROOT_PASSWORD:-} ]] ||
    fail "the volume is empty: MYSQL_ROOT_PASSWORD (or MYSQL_ROOT_PASSWORD_FILE), MYSQL_ALLOW_EMPTY_PASSWORD or MYSQL_RANDOM_ROOT_PASSWORD is required"
  say "making a new database in $data"
  # A file whose name begins with a dot is the only kind that mysqld does not mind in an empty directory.
  touch "$half_made"
  if command -v mariadb-install-db >/dev/null; then
    mariadb-install-db --auth-root-authentication-method=normal --skip-test-db --datadir="$data" >/dev/null
  else
    mysqld --initialize-insecure "$@"
  fi

  mysqld --skip-networking "$@" &
  local server=$!
  until mysqladmin --protocol=socket -uroot --silent ping >/dev/null 2>&1; do
    kill -0 "$server" 2>/dev/null || fail "mysqld ended during the first start; what it said stands above"
    sleep 0.2
  done
  [[ -n ${MYSQL_INITDB_SKIP_TZINFO:-} ]] || mysql_tzinfo_to_sql /usr/share/zoneinfo 2>/dev/null | docker_process_sql --database=mysql
  if [[ -n ${MYSQL_RANDOM_ROOT_PASSWORD:-} ]]; then
    MYSQL_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
    say "GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"
  fi
  users | docker_process_sql
  run_scripts
  # Last, so that everything before needs no password.
  echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(quoted "${MYSQL_ROOT_PASSWORD:-}"); SHUTDOWN;" | docker_process_sql
  wait "$server" || fail "mysqld ended badly after the first start"
  rm -f "$half_made"
  say "the new database is ready"
}

users() {
  local host=${MYSQL_ROOT_HOST-%}
  echo "SET @@SESSION.SQL_LOG_BIN = 0;"
  if [[ -n $host && $host != localhost ]]; then
    echo "CREATE USER 'root'@$(quoted "$host") IDENTIFIED BY $(quoted "${MYSQL_ROOT_PASSWORD:-}");"
    echo "GRANT ALL ON *.* TO 'root'@$(quoted "$host") WITH GRANT OPTION;"
  fi
  [[ -z ${MYSQL_DATABASE:-} ]] || echo "CREATE DATABASE IF NOT EXISTS \`${MYSQL_DATABASE//\`/\`\`}\`;"
  if [[ -n ${MYSQL_USER:-} && -n ${MYSQL_PASSWORD:-} ]]; then
    echo "CREATE USER $(quoted "$MYSQL_USER")@'%' IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");"
    [[ -z ${MYSQL_DATABASE:-} ]] || echo "GRANT ALL ON \`${MYSQL_DATABASE//_/\\_}\`.* TO $(quoted "$MYSQL_USER")@'%';"
  fi
}

run_scripts() {
  local script
  for script in /docker-entrypoint-initdb.d/*; do
    case $script in
      *.sh)
        say "running $script"
        # shellcheck disable=SC1090 # a file of the deployment's
        if [[ -x $script ]]; then "$script"; else . "$script"; fi
        ;;
      *.sql) say "running $script" && docker_process_sql ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"} <"$script" ;;
      *.sql.gz) say "running $script" && gunzip -c "$script" | docker_process_sql ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"} ;;
      /docker-entrypoint-initdb.d/\*) ;;
      *) say "ignoring $script" ;;
    esac
  done
}

[[ -w $data ]] || fail "$data cannot be written by uid $(id -u): $(stat -c 'owner %u:%g, mode %a' "$data")"
for name in MYSQL_ROOT_PASSWORD MYSQL_ROOT_HOST MYSQL_DATABASE MYSQL_USER MYSQL_PASSWORD; do
  value_of "$name"
done
if [[ -e $half_made ]]; then
  say "the first start was interrupted: beginning again, nobody's data is in there yet"
  find "$data" -mindepth 1 -delete
fi
[[ -d $data/mysql ]] || initialise "$@"
unset MYSQL_ROOT_PASSWORD MYSQL_PASSWORD
exec mysqld "$@"
