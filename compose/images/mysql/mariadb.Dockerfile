# MariaDB under MySQL's variables, paths and uid: for Debezium 2.5, which cannot read newer MySQLs.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update \
 && apt-get install --no-install-recommends -y mariadb-server \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/* /var/log/* /etc/mysql/mariadb.conf.d /var/lib/mysql \
 && usermod --uid 999 mysql && groupmod --gid 999 mysql && usermod --gid 999 mysql \
 && install -d -o mysql -g mysql -m 0700 /var/lib/mysql && install -d -o mysql -g mysql /var/run/mysqld \
 && install -d /docker-entrypoint-initdb.d
COPY my.cnf /etc/mysql/my.cnf
COPY docker-entrypoint.sh /usr/local/bin/
RUN chmod 0644 /etc/mysql/my.cnf && chmod 0755 /usr/local/bin/docker-entrypoint.sh
USER mysql
VOLUME ["/var/lib/mysql"]
EXPOSE 3306
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mysqld"]
