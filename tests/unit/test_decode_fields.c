/* One record to one event: every field, its forms and edges, the order of checks, CloudEvents. */
#include "decode_fixture.h"

TestSuite(decode_fields, .init = begin, .fini = end);

static void name_of_length(const char *field, size_t length, const char *why)
{
    char fields[1024], *name = repeat("n", length);
    snprintf(fields, sizeof fields, "\"%s\":\"%s\"", field, name);
    if (why)
        refused(with("ended", fields), why);
    else
        accepted(with("ended", fields));
    free(name);
}

Test(decode_fields, type_is_required_and_a_string)
{
    refused("{" BASE "}", "missing:type");
    refused("{}", "missing:type");
    refused("{\"type\":null," BASE "}", "missing:type");
    refused("{\"type\":7," BASE "}", "invalid:type");
    refused("{\"type\":{}," BASE "}", "invalid:type");
    refused("{\"type\":\"\"," BASE "}", "invalid:type");
    accepted("{\"type\":\"\\u0065nded\"," BASE "}");
}

Test(decode_fields, an_unknown_type_is_passed_over_whatever_else_stands_there)
{
    cr_expect_eq(decode("{\"type\":\"hello\"}"), INGEST_UNKNOWN);
    cr_expect_eq(decode("{\"type\":\"agent_ready\",\"time\":\"nonsense\"}"), INGEST_UNKNOWN);
    cr_expect_eq(decode("{\"type\":\"Ended\",\"client\":7}"), INGEST_UNKNOWN);
    cr_expect_eq(decode("{\"type\":\"ended \"}"), INGEST_UNKNOWN);
    cr_expect_eq(decode("{\"type\":\"end\"}"), INGEST_UNKNOWN);
    cr_expect_eq(decode("{\"type\":\"a.ended\"}"), INGEST_UNKNOWN, "a dot means nothing here");
}

Test(decode_fields, a_tick_needs_type_and_time_and_nothing_else_is_looked_at)
{
    accepted("{\"type\":\"tick\",\"time\":" T0 "}");
    cr_expect_eq(event.ev.type, RC_TYPE_tick);
    cr_expect_eq(event.ev.time_ms, T0_MS);
    accepted("{\"type\":\"tick\",\"time\":" T0 ",\"client\":7,\"queue\":\"*\",\"score\":\"x\"}");
    refused("{\"type\":\"tick\"}", "missing:time");
    refused("{\"type\":\"tick\",\"time\":true}", "invalid:time");
}

Test(decode_fields, time_is_required_and_has_two_forms)
{
    refused("{\"type\":\"ended\",\"client\":\"a\",\"contact\":\"c\"}", "missing:time");
    refused("{\"type\":\"ended\",\"time\":null,\"client\":\"a\"}", "missing:time");
    static const char *const bad[] = {"true",
                                      "[]",
                                      "{}",
                                      "\"\"",
                                      "\"1772445600000\"",
                                      "1772445600000.0",
                                      "1.772445600e12",
                                      "1e3",
                                      "-1",
                                      "0",
                                      "631151999999",
                                      "4102444800000",
                                      "99999999999999999999999",
                                      "\"2026-02-30T10:00:00Z\"",
                                      "\"2026-03-02T10:00:00\""};
    char text[256];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text,
                 "{\"type\":\"ended\",\"client\":\"a\",\"contact\":\"c\",\"time\":%s}", bad[i]);
        refused(text, "invalid:time");
    }
    accepted("{\"type\":\"ended\",\"client\":\"a\",\"contact\":\"c\",\"time\":631152000000}");
    accepted("{\"type\":\"ended\",\"client\":\"a\",\"contact\":\"c\",\"time\":4102444799999}");
    cr_expect_eq(event.ev.time_ms, INT64_C(4102444799999));
    accepted("{\"type\":\"ended\",\"client\":\"a\",\"contact\":\"c\","
             "\"time\":\"2026\\u002d03-02\\u002010:00:00z\"}");
    cr_expect_eq(event.ev.time_ms, T0_MS);
}

Test(decode_fields, client_and_contact_are_required)
{
    refused("{\"type\":\"ended\",\"time\":" T0 ",\"contact\":\"c\"}", "missing:client");
    refused("{\"type\":\"ended\",\"time\":" T0 ",\"client\":null}", "missing:client");
    refused("{\"type\":\"ended\",\"time\":" T0 ",\"client\":\"a\"}", "missing:contact");
    refused("{\"type\":\"ended\",\"time\":" T0 ",\"client\":\"\",\"contact\":\"c\"}",
            "invalid:client");
    refused("{\"type\":\"ended\",\"time\":" T0 ",\"client\":\"a\",\"contact\":17}",
            "invalid:contact");
}

Test(decode_fields, names_have_a_largest_length_in_bytes)
{
    static const struct {
        const char *field;
        size_t most;
    } names[] = {
        {"queue", 64}, {"customer", 128}, {"conversation", 128}, {"agent", 128}, {"priority", 16}};
    char why[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(why, sizeof why, "invalid:%s", names[i].field);
        name_of_length(names[i].field, 0, why);
        name_of_length(names[i].field, 1, NULL);
        name_of_length(names[i].field, names[i].most, NULL);
        name_of_length(names[i].field, names[i].most + 1, why);
        name_of_length(names[i].field, 800, why);
    }
    char text[1024], *name = repeat("\xc3\xa9", 65);
    for (int bytes = 63; bytes <= 130; bytes++) {
        snprintf(text, sizeof text, "{\"type\":\"ended\",\"time\":" T0 ",\"client\":\"%s%.*s\"}",
                 bytes % 2 ? "x" : "", bytes - bytes % 2, name);
        refused(text, bytes <= 64 ? "missing:contact" : "invalid:client");
    }
    free(name);
}

Test(decode_fields, all_names_at_their_longest_fit_together)
{
    char *n = repeat("n", 128), text[2048];
    snprintf(text, sizeof text,
             "{\"type\":\"ended\",\"time\":" T0 ",\"client\":\"%.64s\",\"contact\":\"%s\","
             "\"queue\":\"%.64s\",\"customer\":\"%s\",\"conversation\":\"%s\",\"agent\":\"%s\","
             "\"priority\":\"%.16s\"}",
             n, n, n, n, n, n, n);
    accepted(text);
    cr_expect_eq(rc_event_text_size(&event.ev), 64 + 64 + 3 * 128 + 16);
    cr_expect_leq(event.ev.size, sizeof event);
    free(n);
}

Test(decode_fields, escaped_names_are_measured_by_what_they_say)
{
    char *escaped = repeat("\\u0061", 128), *plain = repeat("a", 128), fields[2048];
    snprintf(fields, sizeof fields, "\"agent\":\"%s\"", escaped);
    accepted(with("ended", fields));
    expect_text(rc_event_agent(&event.ev), event.ev.agent_size, plain);
    snprintf(fields, sizeof fields, "\"agent\":\"%s\\u0061\"", escaped);
    refused(with("ended", fields), "invalid:agent");
    accepted(with("ended", "\"agent\":\"\\\"\\\\\\/\\u20ac\\ud83d\\ude00\\u00e9\""));
    expect_text(rc_event_agent(&event.ev), event.ev.agent_size,
                "\"\\/\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
    free(escaped);
    free(plain);
}

Test(decode_fields, names_hold_no_control_characters)
{
    static const char *const fields[] = {"\"agent\":\"a\\u0001\"", "\"agent\":\"\\n\"",
                                         "\"agent\":\"\\u0000\"",  "\"agent\":\"a\\u001fb\"",
                                         "\"agent\":\"\\u007f\"",  "\"agent\":\"ab\x7f\""};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        refused(with("ended", fields[i]), "invalid:agent");
    accepted(with("ended", "\"agent\":\" \\u0080\xc2\x80\",\"x\":\"\x7f\\u0001\""));
}

Test(decode_fields, null_is_the_same_as_absent)
{
    accepted(with("queued", "\"channel\":null,\"queue\":null,\"customer\":null,\"due\":null,"
                            "\"conversation\":null,\"agent\":null,\"priority\":null,"
                            "\"specversion\":null,\"data\":null"));
    cr_expect_eq(event.ev.channel, RC_CHANNEL_NONE);
    cr_expect_eq(event.ev.flags, 0);
    cr_expect_eq(event.ev.queue_size, 0);
}

Test(decode_fields, channel_is_one_of_three)
{
    static const char *const bad[] = {"\"fax\"", "\"\"", "\"Call\"", "\"call \"", "1", "[]"};
    char fields[64];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(fields, sizeof fields, "\"channel\":%s", bad[i]);
        refused(with("ended", fields), "invalid:channel");
    }
    accepted(with("ended", "\"channel\":\"ticket\""));
    cr_expect_eq(event.ev.channel, RC_TICKET);
}

Test(decode_fields, the_topic_implies_a_channel_and_the_events_own_wins)
{
    struct ingest_envelope envelope = {.channel = RC_CHAT};
    const char *text = with("ended", "");
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_EVENT);
    cr_expect_eq(event.ev.channel, RC_CHAT);
    text = with("ended", "\"channel\":\"call\"");
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_EVENT);
    cr_expect_eq(event.ev.channel, RC_CALL);
}

Test(decode_fields, the_queue_names_of_roll_ups_are_reserved)
{
    refused(with("queued", "\"queue\":\"*\""), "invalid:queue");
    refused(with("queued", "\"queue\":\"\\u002a\""), "invalid:queue");
    refused(with("queued", "\"queue\":\"@\""), "invalid:queue");
    refused(with("queued", "\"queue\":\"@sales\""), "invalid:queue");
    accepted(with("queued", "\"queue\":\"**\""));
    accepted(with("queued", "\"queue\":\"a@b\""));
}

Test(decode_fields, checks_run_in_their_order)
{
    /* Each line has the faults of all lines below it as well. */
    refused("{\"specversion\":\"2\",\"data\":[],\"x\":1,\"x\":1,", "not_json");
    refused("{\"specversion\":\"2\",\"data\":[],\"x\":1,\"x\":1}", "invalid:x");
    refused("{\"specversion\":\"2\",\"data\":[]}", "invalid:specversion");
    refused("{\"specversion\":\"1.0\",\"data\":[]}", "invalid:data");
    refused("{\"specversion\":\"1.0\"}", "missing:data");
    static const char *const order[] = {"type",    "time",     "client",   "contact",
                                        "channel", "queue",    "customer", "conversation",
                                        "agent",   "priority", "due"};
    static const char *const good[] = {"\"queued\"", T0,      "\"a\"", "\"c\"", "\"call\"", "\"q\"",
                                       "\"u\"",      "\"v\"", "\"w\"", "\"p\"", T0};
    enum { FIELDS = sizeof order / sizeof *order };
    for (size_t first = 0; first <= FIELDS; first++) {
        char text[1024], why[64];
        int size = snprintf(text, sizeof text, "{");
        for (size_t i = FIELDS; i-- > 0;)
            size += snprintf(text + size, sizeof text - (size_t)size, "\"%s\":%s%s", order[i],
                             i < first ? good[i] : "[]", i ? "," : "}");
        if (first == FIELDS) {
            accepted(text);
        } else {
            snprintf(why, sizeof why, "invalid:%s", order[first]);
            refused(text, why);
        }
    }
    refused(with("reviewed", "\"critical\":0,\"opportunities\":-1,\"defects\":-1"),
            "invalid:defects");
    refused(with("reviewed", "\"critical\":0,\"opportunities\":-1"), "invalid:opportunities");
    refused(with("rated", "\"score\":\"x\",\"priority\":7"), "invalid:priority");
}

Test(decode_fields, fields_of_other_types_are_unknown_fields)
{
    accepted(with("ended", "\"score\":\"x\",\"due\":7,\"reason\":[],\"resolved\":0,"
                           "\"duration_ms\":-1,\"defects\":1.5,\"opportunities\":{},"
                           "\"critical\":\"\",\"id\":5"));
    cr_expect_eq(event.ev.value, 0);
    cr_expect_eq(event.ev.flags, 0);
}

Test(decode_fields, due_is_a_time)
{
    accepted(with("queued", "\"due\":1772445600001"));
    cr_expect_eq(event.ev.value, T0_MS + 1);
    cr_expect_eq(event.ev.flags, RC_EVENT_DUE);
    refused(with("queued", "\"due\":\"soon\""), "invalid:due");
    refused(with("queued", "\"due\":5"), "invalid:due");
}

Test(decode_fields, left_has_a_reason_of_six_or_other)
{
    static const char *const words[] = {"transfer", "overflow", "voicemail",
                                        "callback", "timeout",  "other"};
    char fields[64];
    for (int i = 0; i < 6; i++) {
        snprintf(fields, sizeof fields, "\"reason\":\"%s\"", words[i]);
        accepted(with("left", fields));
        cr_expect_eq(event.ev.value, i);
    }
    accepted(with("left", ""));
    cr_expect_eq(event.ev.value, RC_LEFT_OTHER);
    accepted(with("left", "\"reason\":null"));
    cr_expect_eq(event.ev.value, RC_LEFT_OTHER);
    refused(with("left", "\"reason\":\"bored\""), "invalid:reason");
    refused(with("left", "\"reason\":\"\""), "invalid:reason");
    refused(with("left", "\"reason\":3"), "invalid:reason");
}

Test(decode_fields, resolved_is_true_unless_it_says_false)
{
    accepted(with("resolved", ""));
    cr_expect_eq(event.ev.value, 1);
    cr_expect_eq(event.ev.flags, RC_EVENT_RESOLVED);
    accepted(with("resolved", "\"resolved\":false"));
    cr_expect_eq(event.ev.value, 0);
    cr_expect_eq(event.ev.flags, 0);
    refused(with("resolved", "\"resolved\":\"yes\""), "invalid:resolved");
    refused(with("resolved", "\"resolved\":1"), "invalid:resolved");
}

Test(decode_fields, worked_needs_a_duration_of_at_most_31_days)
{
    accepted(with("worked", "\"duration_ms\":0"));
    accepted(with("worked", "\"duration_ms\":2678400000"));
    cr_expect_eq(event.ev.value, INT64_C(2678400000));
    refused(with("worked", "\"duration_ms\":2678400001"), "invalid:duration_ms");
    refused(with("worked", "\"duration_ms\":-1"), "invalid:duration_ms");
    refused(with("worked", "\"duration_ms\":1.0"), "invalid:duration_ms");
    refused(with("worked", "\"duration_ms\":1e3"), "invalid:duration_ms");
    refused(with("worked", "\"duration_ms\":18446744073709551616"), "invalid:duration_ms");
    refused(with("worked", ""), "missing:duration_ms");
    refused(with("worked", "\"duration_ms\":null"), "missing:duration_ms");
}

Test(decode_fields, score_is_a_number_taken_exactly)
{
    accepted(with("rated", "\"score\":4.35"));
    cr_expect_eq(event.ev.value, 4350);
    accepted(with("rated", "\"score\":-0.0019e0"));
    cr_expect_eq(event.ev.value, -1);
    accepted(with("rated", "\"score\":1E6"));
    cr_expect_eq(event.ev.value, 1000000000);
    refused(with("rated", "\"score\":1000000.0001"), "invalid:score");
    refused(with("rated", "\"score\":\"5\""), "invalid:score");
    refused(with("rated", "\"score\":true"), "invalid:score");
    refused(with("rated", ""), "missing:score");
    refused(with("rated", "\"score\":null"), "missing:score");
}

Test(decode_fields, a_review_counts_from_zero)
{
    accepted(with("reviewed", ""));
    cr_expect_eq(event.ev.value, 0);
    cr_expect_eq(event.ev.opportunities, 0);
    cr_expect_eq(event.ev.flags, 0);
    accepted(with("reviewed", "\"defects\":3,\"opportunities\":2147483647,\"critical\":true"));
    cr_expect_eq(event.ev.value, 3);
    cr_expect_eq(event.ev.opportunities, INT32_MAX);
    cr_expect_eq(event.ev.flags, RC_EVENT_CRITICAL);
    refused(with("reviewed", "\"defects\":2147483648"), "invalid:defects");
    refused(with("reviewed", "\"opportunities\":-1"), "invalid:opportunities");
    refused(with("reviewed", "\"critical\":1"), "invalid:critical");
}

Test(decode_fields, cloudevents_structured_mode_takes_the_data)
{
    accepted("{\"data\":{\"client\":\"acme\",\"contact\":\"c\",\"type\":\"queued\",\"x\":{}},"
             "\"specversion\":\"1.0\",\"type\":\"com.acme.ended\",\"time\":" T0
             ",\"client\":\"other\",\"id\":\"1\",\"source\":\"/x\"}");
    cr_expect_eq(event.ev.type, RC_TYPE_ended);
    cr_expect_eq(event.ev.time_ms, T0_MS);
    expect_text(rc_event_client(&event.ev), event.ev.client_size, "acme");
    accepted("{\"specversion\":\"1.0\",\"type\":\"ended\",\"time\":7,\"data\":{" BASE "}}");
    cr_expect_eq(event.ev.time_ms, T0_MS, "the data's time comes first");
    accepted("{\"specversion\":\"1.0\",\"type\":\"ended\",\"time\":" T0
             ",\"data\":{\"time\":null,\"client\":\"a\",\"contact\":\"c\"}}");
    cr_expect_eq(event.ev.time_ms, T0_MS);
}

Test(decode_fields, cloudevents_structured_mode_has_its_own_faults)
{
    refused("{\"specversion\":\"2.0\",\"type\":\"ended\",\"data\":{" BASE "}}",
            "invalid:specversion");
    refused("{\"specversion\":1.0,\"type\":\"ended\",\"data\":{" BASE "}}", "invalid:specversion");
    refused("{\"specversion\":\"1.0\",\"type\":\"ended\"," BASE "}", "missing:data");
    refused("{\"specversion\":\"1.0\",\"type\":\"ended\",\"data\":null}", "missing:data");
    refused("{\"specversion\":\"1.0\",\"type\":\"ended\",\"data\":\"x\"}", "invalid:data");
    refused("{\"specversion\":\"1.0\",\"data\":{\"type\":\"ended\"," BASE "}}", "missing:type");
    refused("{\"specversion\":\"1.0\",\"type\":\"a.\",\"data\":{" BASE "}}", "invalid:type");
    refused("{\"specversion\":\"1.0\",\"type\":5,\"data\":{" BASE "}}", "invalid:type");
    refused("{\"specversion\":\"1.0\",\"type\":\"ended\",\"data\":{\"client\":\"a\"}}",
            "missing:time");
    refused("{\"specversion\":\"1.0\",\"type\":\"ended\",\"time\":" T0
            ",\"data\":{\"time\":\"x\",\"client\":\"a\"}}",
            "invalid:time");
    refused("{\"specversion\":\"1.0\",\"type\":\"ended\",\"client\":\"a\",\"data\":{\"time\":" T0
            "}}",
            "missing:client");
    cr_expect_eq(decode("{\"specversion\":\"1.0\",\"type\":\"ended.x\",\"data\":{}}"),
                 INGEST_UNKNOWN);
    accepted(with("ended", "\"data\":{\"type\":5,\"client\":\"x\"}"));
}

Test(decode_fields, cloudevents_binary_mode_takes_type_and_time_from_the_headers)
{
    struct ingest_envelope envelope = {.channel = RC_CHANNEL_NONE,
                                       .ce_type = "com.acme.ended",
                                       .ce_type_size = 14,
                                       .ce_time = "2026-03-02T10:00:00Z",
                                       .ce_time_size = 20};
    const char *text = "{\"type\":7,\"client\":\"a\",\"contact\":\"c\"}";
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_EVENT);
    cr_expect_eq(event.ev.type, RC_TYPE_ended);
    cr_expect_eq(event.ev.time_ms, T0_MS);
    text = "{\"time\":\"2026-03-02T10:00:01Z\",\"client\":\"a\",\"contact\":\"c\"}";
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_EVENT);
    cr_expect_eq(event.ev.time_ms, T0_MS + 1000);
    text = "{\"specversion\":\"9\",\"client\":\"a\",\"contact\":\"c\"}";
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_EVENT);
    envelope.ce_time_size = 5;
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_REFUSED);
    cr_expect_str_eq(reason, "invalid:time");
    envelope.ce_time = NULL;
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_REFUSED);
    cr_expect_str_eq(reason, "missing:time");
    envelope.ce_type_size = 9;
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_REFUSED);
    cr_expect_str_eq(reason, "invalid:type");
    envelope.ce_type_size = 13;
    cr_expect_eq(decode_bytes(&envelope, text, strlen(text)), INGEST_UNKNOWN);
}

Test(decode_fields, an_unknown_client_is_refused_last_and_only_when_told_so)
{
    static const struct rc_client_policy clients[] = {{.name = "ab", .name_size = 2},
                                                      {.name = "acme", .name_size = 4},
                                                      {.name = "b", .name_size = 1}};
    static const char *const known[] = {"ab", "acme", "b"};
    static const char *const unknown[] = {"a", "abc", "acm", "acme2", "c", "A"};
    config.contracts.clients_only = true;
    config.contracts.client_count = 3;
    config.contracts.client = clients;
    char text[256];
    const char *form =
        "{\"type\":\"rated\",\"time\":" T0 ",\"contact\":\"c\",\"client\":\"%s\",\"score\":%s}";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        snprintf(text, sizeof text, form, known[i], "1");
        accepted(text);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        snprintf(text, sizeof text, form, unknown[i], "1");
        refused(text, "unknown_client");
        snprintf(text, sizeof text, form, unknown[i], "[]");
        refused(text, "invalid:score");
    }
    accepted("{\"type\":\"tick\",\"time\":" T0 "}");
}

Test(decode_fields, a_customer_becomes_its_pseudonym_and_leaves_no_trace)
{
    accepted(with("queued", "\"customer\":\"jane.roe@example.org\",\"agent\":\"w\""));
    struct rc_id128 expected = ingest_pseudonym(config.privacy.key, "jane.roe@example.org", 20);
    cr_expect_eq(event.ev.customer.high, expected.high);
    cr_expect_eq(event.ev.customer.low, expected.low);
    cr_expect_null(memmem(&event, sizeof event, "jane", 4));
    cr_expect_null(memmem(&event, sizeof event, "example", 7));
}

Test(decode_fields, a_contact_is_known_by_client_and_contact_together)
{
    accepted(with("ended", ""));
    uint64_t hash = event.ev.contact_hash;
    accepted(with("queued", "\"queue\":\"q\""));
    cr_expect_eq(event.ev.contact_hash, hash);
    accepted("{\"type\":\"ended\",\"time\":" T0 ",\"client\":\"acmec\",\"contact\":\"-1\"}");
    cr_expect_neq(event.ev.contact_hash, hash);
}

/* ---- whose it is ---- */

static uint32_t client_of(const struct ingest_envelope *envelope, const char *text, char *ret_name)
{
    char *value = malloc(strlen(text) + INGEST_PADDING);
    cr_assert_not_null(value);
    memset(value, '}', strlen(text) + INGEST_PADDING);
    memcpy(value, text, strlen(text));
    ingest_decode(decoder, envelope, value, (uint32_t)strlen(text), &event, reason);
    uint32_t size = ingest_client_of(decoder, envelope, ret_name);
    free(value);
    return size;
}

static void expect_client(const char *text, const char *client)
{
    char name[RC_CLIENT_MAX];
    uint32_t size = client_of(NULL, text, name);
    cr_expect(size == strlen(client) && memcmp(name, client, size) == 0, "%s: %.*s, not %s", text,
              (int)size, name, client);
}

Test(decode_fields, the_client_is_found_whatever_else_is_wrong)
{
    expect_client(with("queued", ""), "acme");
    expect_client("{\"client\":\"acme\"}", "acme");
    expect_client("{\"client\":\"ac\\u006de\",\"type\":7}", "acme");
    expect_client(with("agent_break", ""), "acme");
    expect_client(with("queued", "\"queue\":\"@all\""), "acme");
    expect_client("{\"type\":\"x.answered\",\"specversion\":\"1.0\",\"client\":\"no\","
                  "\"data\":{\"client\":\"acme\"}}",
                  "acme");
    struct ingest_envelope binary = {
        .channel = RC_CALL, .ce_type = "x.answered", .ce_type_size = 10};
    char name[RC_CLIENT_MAX];
    cr_expect_eq(client_of(&binary, "{\"specversion\":\"9\",\"client\":\"acme\"}", name), 4);
}

Test(decode_fields, what_names_no_client_has_none)
{
    expect_client(with("queued", ""), "acme"); /* and nothing of it stays */
    expect_client("{\"client\":\"acme\"", "");
    expect_client("{\"client\":\"acme\",\"client\":\"acme\"}", "");
    expect_client("[\"client\"]", "");
    expect_client(" ", "");
    expect_client("{\"client\":7}", "");
    expect_client("{\"client\":\"\"}", "");
    expect_client("{\"client\":\"a\\nb\"}", "");
    expect_client("{\"client\":null}", "");
    expect_client("{\"specversion\":\"2.0\",\"client\":\"acme\"}", "");
    char *name = repeat("x", RC_CLIENT_MAX + 1), text[200];
    snprintf(text, sizeof text, "{\"client\":\"%s\"}", name);
    expect_client(text, "");
    snprintf(text, sizeof text, "{\"client\":\"%s\"}", name + 1);
    expect_client(text, name + 1);
    free(name);
}
