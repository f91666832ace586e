#!/bin/sh
# Migrations of PostgreSQL and Cassandra: scripts/migrate.sh up | down [N] [store] | status | seed
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
node="$root/node_modules/.bin/node"
# The source where there is one, since a build beside it may be older; an image has the build only.
if [ -x "$node" ] && [ -f "$root/cmd/migrate/main.ts" ]; then
  exec "$node" "$root/cmd/migrate/main.ts" "$@"
fi
exec node "$root/dist/cmd/migrate/main.js" "$@"
