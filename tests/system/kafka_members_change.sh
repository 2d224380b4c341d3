#!/usr/bin/env bash
# Real Kafka, input keyed by client, two members, and a configuration that changes: a change that
# cannot be is refused on SIGHUP and nothing stops; another one is taken up when the last member has
# it, and who has it before waits outside the group; a member that starts under it while the other
# runs under the old one waits too, until that is killed. No task ever goes back to a configuration
# that it has left, and at the end all is what the last one makes of all events.
port=19120
tasks=8
# shellcheck source=tests/system/kafka_members.bash
. "$(dirname "$0")/kafka_members.bash"

# change SED...: of the configuration of all
change() { sed -i "$@" "$work/config.yaml"; }
# hup NAME: after it got the configuration as it stands now
hup() {
    own_config "$1"
    kill -HUP "${pid_of[$1]}"
}

start_broker
keyed --clients 12 --contacts 35 --seed 37
change -e 's/^time: {/time: {restate_every: 1s, /' -e 's/^snapshot: {/snapshot: {keep: 1000, /'
cp "$work/config.yaml" "$work/whole.yaml"
change -e '/^  globex:/,/^  [a-z]*:$/{/^  globex:/d;/^    /d}' # a client that comes later
grep -q globex "$work/config.yaml" && fail "the client is there already"
lines=$(wc -l <"$work/events.ndjson")
head -n $((lines / 2)) "$work/events.ndjson" >"$work/first.ndjson"
tail -n +$((lines / 2 + 1)) "$work/events.ndjson" >"$work/second.ndjson"
feed_keyed --rate 500 "$work/config.yaml" "$work/first.ndjson" &
feed_pid=$!
member anna
member ben
wait_owns 3 anna ben

say "changes that cannot be"
cp "$work/config.yaml" "$work/now.yaml"
"$here/broker" admin --port "$port" --dir "$work/broker" create contact.more 3 ||
    fail "the topic is not made"
change -e 's/^tasks: .*/tasks: 16/'
hup anna
says "is refused, and the running configuration stays: tasks: 8 cannot become 16" 5 anna
cp "$work/now.yaml" "$work/config.yaml"
change -e 's/contact.rest: any/&, contact.more: any/'
hup anna
says "stays: the input topic contact.more has 3 partitions" 5 anna
cp "$work/now.yaml" "$work/config.yaml"
change -e 's/keyed_by: client/keyed_by: any/'
hup anna
says "stays: kafka.keyed_by" 5 anna
[ "$(owns anna) $(owns ben)" = "4 4 4 4" ] || fail "a refused change has moved tasks"

say "a new client, and another threshold: anna hears of it first"
cp "$work/whole.yaml" "$work/config.yaml"
change -e '0,/within: 20s/s//within: 33s/'
hup anna
says "waiting: the member ben works under another configuration" 15 anna
wait_owns 8 ben
sleep 1
[ "$(owns anna)" = "0 0" ] || fail "anna has tasks beside ben, who has another configuration"
hup ben
wait_owns 3 anna ben
wait "$feed_pid" || fail "feed"
feed_pid=''

say "another threshold: anna starts under it, ben is killed before he has it"
change -e 's/within: 33s/within: 25s/'
stopped anna
member anna
says "waiting: the member ben works under another configuration" 15 anna 2
wait_owns 8 ben
feed_keyed --tick 2024-01-25T00:00:00Z "$work/config.yaml" "$work/second.ndjson" || fail "feed"
killed ben
member ben
wait_owns 3 anna ben
grep -q "made again under the one before" "$work/anna.log" "$work/ben.log" ||
    fail "what ben had done was not made again under his configuration"
grep "snapshot of epoch.*snapshots.ben/" "$work/anna.log" &&
    fail "anna keeps snapshots where ben's configuration says"
stopped anna
stopped ben

all_is_read ben
dump rollcall.progress -f '%p %s\n' | python3 -c '
import json, sys
seen = {}
for line in sys.stdin:
    task, _, text = line.partition(" ")
    record = json.loads(text)
    ids = seen.setdefault(task, [])
    if not ids or ids[-1] != record["config"]:
        ids.append(record["config"])
for task, ids in seen.items():
    print(f"task {task}:", *(name[:8] for name in ids))
    if len(set(ids)) != len(ids):
        sys.exit(f"task {task} has gone back")
    if len(ids) != 3:
        sys.exit(f"task {task} was under {len(ids)} configurations, not 3")
' || fail "the configurations of the tasks"
compare 2024-01-24T23:59:59Z --revisions --before=1706140800000 "$work/events.ndjson"
compare_dead_letters
