#!/usr/bin/env bash
# Real Kafka, input keyed by client: of two members one is killed, and while its tasks go to the
# other a third member is started and stopped three times, as fast as it goes. Nothing is lost, and
# revisions go on without a gap.
port=19970
tasks=8
# shellcheck source=tests/system/kafka_members.bash
. "$(dirname "$0")/kafka_members.bash"

start_broker
keyed --clients 16 --contacts 70 --seed 31
load 500
member anna
member ben
wait_owns 3 anna ben
killed ben
for round in 1 2 3; do
    member cora
    case $round in
    1) sleep 1 ;; # it has joined, perhaps
    2) says "task .: the group has given it" 20 cora ;;
    3) says "task .: live" 20 cora ;;
    esac
    say "cora is stopped: $(grep -c "the group has given it" "$work/cora.log") tasks were given"
    stopped cora
done
wait_owns 8 anna
under_load "the last move"
load_ends
stopped anna

all_is_read anna
compare 2024-01-24T23:59:59Z --revisions --before=1706140800000 "$work/events.ndjson"
compare_dead_letters
