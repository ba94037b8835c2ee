# shellcheck shell=bash
# Sourced by the image's entrypoint at the first start: the user that Debezium reads as, with its password from the secret
# that Connect reads too, and no more rights than it needs.
debezium_user=$(sed -n 's/^user=//p' /run/secrets/mysql.properties)
debezium_password=$(sed -n 's/^password=//p' /run/secrets/mysql.properties)
if [ -z "$debezium_user" ] || [ -z "$debezium_password" ]; then
  echo "/run/secrets/mysql.properties must hold the lines user=… and password=…" >&2
  exit 1
fi
in_sql() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g"; }
docker_process_sql <<SQL
CREATE USER '$(in_sql "$debezium_user")'@'%' IDENTIFIED BY '$(in_sql "$debezium_password")';
GRANT SELECT ON orders_db.* TO '$(in_sql "$debezium_user")'@'%';
GRANT RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '$(in_sql "$debezium_user")'@'%';
SQL
unset debezium_user debezium_password
