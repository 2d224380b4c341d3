/* One case for each kind of mistake, with its exact place. */
#include "config_help.h"

static const struct {
    const char *text, *expected;
} mistakes[] = {
    /* keys */
    {"grase: 1\n", "t.yaml:1:1: grase: unknown key; allowed: kafka, "},
    {"time: {grase: 15m}\n", "t.yaml:1:8: time.grase: unknown key; did you mean grace?; allowed: "},
    {"defaults: {call: {slas: []}}\n", "t.yaml:1:19: defaults.call.slas: unknown key"},
    {"defaults: {ticket: {service_level: {within: 1s}}}\n", "t.yaml:1:21: "},
    {"defaults: {queues: {}}\n", "t.yaml:1:12: defaults.queues: unknown key"},
    {"clients: {a: {queues: {q: {timezone: UTC}}}}\n",
     "t.yaml:1:28: clients.a.queues.q.timezone: unknown key"},
    {"clients: {a: {from: {2026-01-01: {queues: {}}}}}\n", "t.yaml:1:35: "},
    {"tasks: 1\ntasks: 2\n", "t.yaml:2:1: tasks: the same key stands twice; first at line 1"},
    /* kinds of values */
    {"time: 5\n", "t.yaml:1:7: time: found \"5\"; allowed: a map of keys"},
    {"time: {grace: 15x}\n", "t.yaml:1:15: time.grace: found \"15x\"; allowed: an integer and one "
                             "of ms s m h d, 0s to 366d\n     1 | time: {grace: 15x}\n       |  "
                             "             ^\n"},
    {"time: {grace: }\n", "t.yaml:1:8: time.grace: found nothing"},
    {"time: {grace: [1s]}\n", "t.yaml:1:15: time.grace: found a list"},
    {"time: {grace: {a: 1s}}\n", "t.yaml:1:15: time.grace: found a map"},
    {"time: {align: 99d}\n", "t.yaml:1:15: time.align: found \"99d\"; allowed: an integer and one "
                             "of ms s m h d, 100ms to 31d"},
    {"tasks: 0\n", "t.yaml:1:8: tasks: found \"0\"; allowed: an integer, 1 to 4096"},
    {"tasks: \"8\"\n", "t.yaml:1:8: tasks: found \"8\""},
    {"tasks: 64k\n", "t.yaml:1:8: "},
    {"limits: {contacts: 5G}\n", "t.yaml:1:20: limits.contacts: found \"5G\""},
    {"limits: {memory: 8g}\n", "t.yaml:1:18: limits.memory: found \"8g\""},
    {"clients_only: yes\n", "t.yaml:1:15: clients_only: found \"yes\"; allowed: true or false"},
    {"clients_only: \"true\"\n", "t.yaml:1:15: clients_only: found"},
    {"output: {topics: sharde}\n", "t.yaml:1:18: output.topics: found \"sharde\"; did you mean "
                                   "shared?; allowed: shared, per_client"},
    {"defaults: {call: {service_level: {within: 20s, target: 80}}}\n",
     "t.yaml:1:56: defaults.call.service_level.target: found \"80\"; allowed: a number with up to "
     "two decimals and %, 0% to 100%"},
    {"defaults: {call: {service_level: {within: 20s, target: 100.01%}}}\n", "t.yaml:1:56: "},
    {"defaults: {csat: {satisfied_at: 4.1234}}\n", "t.yaml:1:33: "},
    {"defaults: {fcr: {model: reopen}}\n",
     "t.yaml:1:25: defaults.fcr.model: found \"reopen\"; allowed: repeat, flag"},
    {"kafka: {keyed_by: clients}\n", "t.yaml:1:19: kafka.keyed_by: found \"clients\"; did you mean "
                                     "client?"},
    {"kafka: {topics: {a: chap}}\n", "t.yaml:1:21: kafka.topics.a: found \"chap\"; did you mean"},
    {"kafka: {topics: {a b: call}}\n", "t.yaml:1:18: kafka.topics.\"a b\": not the name"},
    {"kafka: {brokers: \"a:b\"}\n", "t.yaml:1:18: kafka.brokers: found \"a:b\""},
    {"http: {listen: 9187}\n", "t.yaml:1:16: http.listen: found \"9187\""},
    /* windows */
    {"windows: {rolling: [{name: a, length: 10s, every: 3s}]}\n",
     "t.yaml:1:51: windows.rolling[0].every: `every` does not divide `length`"},
    {"windows: {rolling: [{name: a, length: 24h, every: 59s}]}\n", "does not divide"},
    {"windows: {rolling: [{name: a, length: 1441s, every: 1s}]}\n", "t.yaml:1:53: "},
    {"windows: {rolling: [{name: a, length: 10s, every: 500ms}]}\n", "t.yaml:1:51: "},
    {"windows: {rolling: [{name: a|b, length: 10s, every: 5s}]}\n", "t.yaml:1:28: "},
    {"windows: {rolling: [{length: 10s, every: 5s}]}\n", "t.yaml:1:21: windows.rolling[0]: a "
                                                         "rolling window needs `name`"},
    {"windows: {rolling: [{name: a, length: 1m, every: 5s}, {name: a, length: 1h, every: 1m}]}\n",
     "t.yaml:1:62: windows.rolling[1].name: a second rolling window named \"a\""},
    {"windows: {interval: [day, day]}\n", "t.yaml:1:27: windows.interval[1]: a second interval"},
    {"windows: {interval: [2h]}\n", "t.yaml:1:22: windows.interval[0]: found \"2h\""},
    {"windows: {interval: day}\n", "t.yaml:1:21: windows.interval: found \"day\""},
    /* calendars and zones */
    {"defaults: {timezone: Europe/Berln}\n",
     "t.yaml:1:22: defaults.timezone: unknown time zone \"Europe/Berln\"; did you mean "
     "Europe/Berlin?"},
    {"defaults: {timezone: ../../etc/passwd}\n", "unknown time zone"},
    {"defaults: {timezone: Fixed/UTC+01:00:00}\n", "unknown time zone"},
    {"calendars: {c: {week: {}}}\n", "t.yaml:1:13: calendars.c: a calendar needs a `timezone`"},
    {"calendars: {c: {timezone: UTC}}\n", "t.yaml:1:13: calendars.c: a calendar needs a `week`"},
    {"calendars: {c: {timezone: UTC, week: {mo: []}}}\n", "t.yaml:1:39: calendars.c.week.mo: "},
    {"calendars: {c: {timezone: UTC, week: {mon: [9-17]}}}\n", "t.yaml:1:45: "},
    {"calendars: {c: {timezone: UTC, week: {}, except: {2026-02-30: closed}}}\n", "t.yaml:1:51: "},
    {"calendars: {c: {timezone: UTC, week: {}, except: {2026-02-03: shut}}}\n", "t.yaml:1:63: "},
    {"defaults: {call: {service_level: {within: 1s, calendar: c}}}\n",
     "t.yaml:1:57: defaults.call.service_level.calendar: unknown calendar \"c\""},
    /* names */
    {"clients: {a: {queues: {\"*\": {}}}}\n", "t.yaml:1:24: clients.a.queues.*: \"*\" is reserved"},
    {"clients: {a: {queues: {\"@a\": {}}}}\n", "t.yaml:1:24: "},
    {"clients: {\"\": {}}\n", "t.yaml:1:11: "},
    {"clients: {\"a\\x01b\": {}}\n", "t.yaml:1:11: "},
    {"clients: {a: {groups: {g: {}}}}\n",
     "t.yaml:1:24: clients.a.groups.g: a group needs `queues`"},
    {"clients: {a: {groups: {g: {queues: [b, b]}}}}\n", "t.yaml:1:36: "},
    {"clients: {a: {from: {2027-13-01: {}}}}\n", "t.yaml:1:22: clients.a.from.2027-13-01: found"},
    /* clocks and alerts */
    {"defaults: {ticket: {slas: [{name: a, measure: resolution}]}}\n",
     "t.yaml:1:28: defaults.ticket.slas[0]: a clock needs `within`"},
    {"defaults: {ticket: {slas: [{name: a, measure: solved, within: 1h}]}}\n", "t.yaml:1:47: "},
    {"defaults: {ticket: {slas: [{name: a, measure: resolution, within: {urgent: 0s}}]}}\n",
     "t.yaml:1:76: "},
    {"alerts: [{name: a, figure: sl_bp, window: 15m}]\n", "t.yaml:1:10: alerts[0]: a figure's rule "
                                                          "needs one of"},
    {"alerts: [{name: a, figure: waiting, window: 15m, above: 5,\n"
     "          escalate: [{after: 5m, severity: page}, {after: 5m, severity: page}]}]\n",
     "`after` is not later than the step before"},
    {"alerts: [{name: a, figure: sl_pb, window: 15m, below: target}]\n",
     "t.yaml:1:28: alerts[0].figure: unknown figure \"sl_pb\"; did you mean sl_bp?"},
    {"alerts: [{name: a, figure: sl_bp, window: 16m, below: target}]\n",
     "t.yaml:1:43: alerts[0].window: no rolling window is named \"16m\""},
    {"alerts: [{name: a, figure: waiting, window: 15m, above: 5, at_least: 2}]\n",
     "`at_least` needs a ratio or an average"},
    {"alerts: [{name: a, figure: waiting, window: 15m, above: target}]\n", "t.yaml:1:57: "},
    {"alerts: [{name: a, clock: c, used: 80%}]\n", "no clock is named \"c\""},
};

Test(config_schema, each_mistake_is_named_with_its_place)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++)
        config_refused(mistakes[i].text, mistakes[i].expected);
}

Test(config_schema, all_mistakes_are_reported_at_once)
{
    char *said = config_refusal("tasks: 0\ntime:\n  grase: 1s\n  align: 5x\nclients_only: yes\n");
    cr_assert(strstr(said, "t.yaml:1:8: ") && strstr(said, "t.yaml:3:3: ") &&
              strstr(said, "t.yaml:4:10: ") && strstr(said, "t.yaml:5:15: "));
    free(said);
}

Test(config_schema, empty_maps_and_lists_are_nothing)
{
    config_free(config_taken(""));
    config_free(config_taken("# nothing\n"));
    config_free(config_taken("defaults:\nclients:\nwindows:\nalerts:\n"));
    config_free(config_taken("defaults: {call: , ticket: {slas: }}\n"));
}
