#!/usr/bin/env bash
# backup.sh RESULTS TARGET: copies what can't be made again: run folders, and lab.db (schedules, accounts, keys, notes, audit log) as a
# consistent copy, while a server runs. results.db is an index and left out; 'quantbench results reindex' makes it anew.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: backup.sh RESULTS TARGET" >&2; exit 64; }
results=$1 target=$2
[ -d "$results" ] || { echo "error: there is no directory $results" >&2; exit 65; }
command -v sqlite3 >/dev/null || { echo "error: sqlite3 is missing (Debian: apt-get install sqlite3)" >&2; exit 69; }
mkdir -p "$target"
chmod 700 "$target" # lab.db holds password hashes
if [ -f "$results/lab.db" ]; then
  sqlite3 "$results/lab.db" ".timeout 10000" ".backup '$target/lab.db.new'"
  [ "$(sqlite3 "$target/lab.db.new" 'PRAGMA integrity_check')" = ok ] || { echo "error: the copy of lab.db is damaged" >&2; exit 74; }
  mv "$target/lab.db.new" "$target/lab.db"
fi
# Runs only grow and are replaced by rename, so a copy of one that is being measured is a run that was stopped.
if command -v rsync >/dev/null; then
  rsync -a --exclude='results.db*' --exclude='lab.db*' --exclude='.trash' --exclude='.keys' "$results/" "$target/runs/"
else
  mkdir -p "$target/runs"
  tar -C "$results" --exclude='./results.db*' --exclude='./lab.db*' --exclude='./.trash' --exclude='./.keys' -cf - . | tar -C "$target/runs" -xf -
fi
echo "backed up $(find "$target/runs" -maxdepth 2 -name run.json | wc -l) runs to $target"
