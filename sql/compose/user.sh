# Sourced by the MySQL image when it makes its database, after MYSQL_DATABASE: the user that the engine works as, with
# the rights of sql/mysql/grants.sql and no others. MYSQL_USER of the image would get all rights on the database.
headrace_user() {
  local password=${HEADRACE_MYSQL_PASSWORD:?is not set} grants=${HEADRACE_GRANTS:-/etc/headrace/grants.sql}
  password=${password//\\/\\\\}
  password=${password//\'/\'\'}
  echo "CREATE USER 'headrace'@'%' IDENTIFIED BY '$password';"
  sed -e "s/{database}/\`$MYSQL_DATABASE\`/" -e "s/{user}/'headrace'@'%'/" "$grants"
}
docker_process_sql --database=mysql < <(headrace_user)
