#!/bin/sh
# Run once by the image's entry point, when the database is made: docs/production.md, "The control plane".
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set password="$FOOTFALL_CONTROL_PASSWORD" \
    --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE DATABASE footfall TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE footfall FROM PUBLIC;
CREATE ROLE footfall_prod LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE footfall TO footfall_prod;
\connect footfall
CREATE SCHEMA footfall_prod AUTHORIZATION footfall_prod;
SQL
