#include "config_explain.h"
#include "config_help.h"

static char *json_of_calls(const char *text)
{
    struct config_loaded *loaded = config_taken(text);
    struct config_terms terms;
    const struct rc_zone *zone = loaded->config->contracts.defaults.zone;
    size_t size;
    config_terms_at(loaded->reader, zone, NULL, NULL, RC_CALL, 0, &terms);
    char *json = config_contract_json(&terms, RC_CALL, zone, NULL, 0, &size);
    cr_assert_eq(size, strlen(json));
    config_free(loaded);
    return json;
}

static uint64_t print_of(const char *text)
{
    struct config_loaded *loaded = config_taken(text);
    uint64_t print =
        loaded->config->contracts.defaults.channel[RC_CALL].dated[0].contract.fingerprint;
    config_free(loaded);
    return print;
}

Test(config_fingerprint, the_contract_is_canonical_json)
{
    char *json = json_of_calls(
        "calendars: {office: {timezone: Asia/Manila, week: {mon-tue: [\"13:00-18:00\", "
        "\"09:00-12:00\"]}, except: {2026-12-25: closed}}}\n"
        "defaults: {timezone: Europe/Paris, call: {service_level: {within: 20s, target: 80.5%,\n"
        "  calendar: office}}, fcr: {no_customer: [\"a\\\"\\\\\\u00e9\"]}}\n");
    cr_assert_str_eq(
        json,
        "{\"channel\":\"call\",\"contract\":{\"acw_cap\":1800000,\"acw_expected\":false,"
        "\"basis\":\"outcome\",\"csat\":{\"satisfied_at\":4000},"
        "\"fcr\":{\"model\":\"repeat\",\"no_customer\":"
        "[\"a\\\"\\\\\u00e9\"],\"scope\":\"client\",\"window\":604800000},"
        "\"service_level\":{\"abandoned\":\"against\",\"calendar\":{\"except\":"
        "{\"2026-12-25\":[]},\"timezone\":\"Asia/Manila\",\"week\":{\"fri\":[],\"mon\":"
        "[[540,720],[780,1080]],\"sat\":[],\"sun\":[],\"thu\":[],\"tue\":[[540,720],[780,1080]],"
        "\"wed\":[]}},\"flow_out\":\"ignore\",\"target\":8050,\"within\":20000}},"
        "\"timezone\":\"Europe/Paris\",\"version\":1}");
    free(json);
}

Test(config_fingerprint, it_is_the_beginning_of_the_sha_256)
{
    /* printf %s '{"channel":…,"version":1}' | sha256sum */
    char *json = json_of_calls("");
    cr_assert_str_eq(json, "{\"channel\":\"call\",\"contract\":{\"acw_cap\":1800000,"
                           "\"acw_expected\":false,\"basis\":\"outcome\",\"csat\":"
                           "{\"satisfied_at\":4000},\"fcr\":{\"model\":"
                           "\"repeat\",\"scope\":\"client\",\"window\":604800000}},"
                           "\"timezone\":\"UTC\",\"version\":1}");
    free(json);
    cr_assert_eq(print_of(""), UINT64_C(0xf74ffd6397dc1d64));
}

Test(config_fingerprint, how_it_is_written_does_not_matter_and_what_it_says_does)
{
    static const char plain[] = "defaults: {call: {service_level: {within: 60s, target: 80%}}}\n";
    cr_assert_eq(print_of(plain), print_of("defaults:\n  call:\n    service_level:\n      target: "
                                           "80.00%\n      within: 1m\n      abandoned: against\n"));
    cr_assert_neq(print_of(plain),
                  print_of("defaults: {call: {service_level: {within: 61s, target: 80%}}}\n"));
    cr_assert_neq(print_of(plain), print_of("defaults: {timezone: Europe/Paris, call: "
                                            "{service_level: {within: 60s, target: 80%}}}\n"));
    /* Two names of one calendar. */
    cr_assert_eq(print_of("calendars: {a: {timezone: UTC, week: {mon: [\"09:00-10:00\"]}}}\n"
                          "defaults: {call: {service_level: {within: 1s, calendar: a}}}\n"),
                 print_of("calendars: {b: {timezone: UTC, week: {mon: [\"09:00-09:30\", "
                          "\"09:30-10:00\"]}}}\n"
                          "defaults: {call: {service_level: {within: 1s, calendar: b}}}\n"));
}

static void same_id(const char *one, const char *other, bool same)
{
    struct config_loaded *a = config_taken(one), *b = config_taken(other);
    cr_assert_eq(strcmp(a->config->id, b->config->id) == 0, same, "%s\n%s", one, other);
    config_free(a);
    config_free(b);
}

Test(config_fingerprint, processes_of_a_group_may_differ_in_what_is_their_own)
{
    static const char one[] = "kafka: {group: g, instance: a}\nhttp: {listen: off}\n"
                              "snapshot: {dir: /a}\ntasks: 3\n";
    same_id(one,
            "# of host b\nkafka:\n  group: g\n  instance: b\nsnapshot: {dir: /b, keep: 4}\n"
            "tasks: 3\n",
            true);
    same_id(one, "kafka: {group: g}\ntasks: 4\n", false);
    same_id(one, "kafka: {group: h}\ntasks: 3\n", false);
    same_id("clients: {a: {timezone: UTC}}\n", "clients: {a: {timezone: \"UTC\"}}\n", false);
    same_id("clients: {http: {}}\n", "clients: {}\n", false);
}
