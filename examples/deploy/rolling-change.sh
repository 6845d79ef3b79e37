#!/usr/bin/env bash
# A filter changes while events flow, a bad edit is refused, a rollback: rolling-change.sh [EMPTY-FOLDER]
# Of every five events, three are confirmed bookings: of gold guests for four and two nights, and of another guest.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$(mktemp -d)}
cp -R "$here/../bookings/." "$work"
cd "$work"
rm -rf .streamroute # what an embedded server has kept beside the example
export STREAMROUTE_STATE_DIR=state
routes=features/notifications/routes.yaml

say() { printf '\n# %s\n' "$*"; }
show() { echo "\$ $*" && eval "$*"; }
edit() { sed "$1" $routes >new.yaml && mv new.yaml $routes; } # in one step, as editors save
logged() { grep -E "$1" serve.log | sed -E 's/^[0-9:]+ (info|error): //'; }
until_log() {
  until grep -q "$1" serve.log; do
    kill -0 $serve 2>/dev/null || { cat serve.log >&2 && exit 1; }
    sleep 0.1
  done
}
fetch() { page=$(python3 -c "import urllib.request as u; print(u.urlopen('$metrics').read().decode())"); }
succeeded() { sed -n "s/^streamroute_messages_total{result=\"succeeded\",route=\"$1\".* \([0-9]*\)\.0/\1/p" <<<"$page"; }
counts() { # of the next sixty bookings or more
  local confirmed welcomed
  fetch && confirmed=$(succeeded confirm) welcomed=$(succeeded welcome-vip)
  until fetch && [ "$(succeeded confirm)" -ge $((confirmed + 60)) ]; do sleep 0.1; done
  echo "$(($(succeeded confirm) - confirmed)) confirmed, $(($(succeeded welcome-vip) - welcomed)) welcomed"
}

say "serve, and a producer that writes until the end"
streamroute serve --reload --metrics 127.0.0.1:0 2>serve.log &
serve=$!
trap 'kill $serve 2>/dev/null || true' EXIT
until_log "group bot"
metrics=$(grep -o 'http://.*/metrics' serve.log)
(while [ ! -e enough ]; do cat events.jsonl && sleep 0.05; done) | streamroute publish bot_events - 2>published &
producer=$!
until fetch && [ -n "$(succeeded welcome-vip)" ]; do sleep 0.1; done
counts

say "gold guests are now welcomed from two nights on"
show "edit 's/nights >= \`3\`/nights >= \`2\`/'"
until_log "(file change)"
logged "\(file change\)"
counts

say "a bad edit: it is refused, and nothing changes"
show "edit 's/filter: guest/fliter: guest/'"
until_log "refused"
logged "fliter|refused"
counts

say "back to the generation before; the bad file stays as it is"
show "streamroute generations"
show "streamroute rollback" 2>&1
counts

say "nothing was lost: three of five had to be confirmed"
touch enough
wait $producer
cat published
read -r _ events _ <published
until fetch && [ "$(succeeded confirm)" -ge $((events * 3 / 5)) ]; do sleep 0.1; done
echo "$(succeeded confirm) confirmed"
kill $serve
wait $serve
