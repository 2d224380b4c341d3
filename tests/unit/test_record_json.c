#include "record_text.h"
#include "sink_fixture.h"
#include <criterion/criterion.h>
#include <jansson.h>

static const char *json_of(const struct rc_record *rec)
{
    static char room[SINK_RECORD_TEXT_MAX];
    room[sink_record_json(&fixture_config()->windows, rec, room)] = 0;
    return room;
}

static const char *key_of(const struct rc_record *rec)
{
    static char room[SINK_KEY_MAX];
    room[sink_record_key(&fixture_config()->windows, rec, room)] = 0;
    return room;
}

static void compare_field(const struct rc_record *rec, const json_t *field, uint32_t figure)
{
    int64_t value = rec->value[figure];
    if (value == RC_NULL)
        cr_assert(json_is_null(field), "%s", rc_figure_info[figure].name);
    else if (rc_figure_info[figure].unit == RC_UNIT_BOOL)
        cr_assert(json_is_boolean(field) && json_is_true(field) == (value != 0));
    else
        cr_assert(json_is_integer(field) && json_integer_value(field) == value);
}

static void leads_then_figures(uint8_t channel)
{
    struct rc_record *rec = fixture_record("acme", "billing", 2, 1000, 2000);
    rec->channel = channel;
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++)
        rec->value[i] = i % 5 == 0 ? RC_NULL : (int64_t)i * 1000003 - 7;
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++)
        if (rc_figure_info[i].unit == RC_UNIT_BOOL)
            rec->value[i] = i % 2;
    json_t *object = json_loads(json_of(rec), JSON_REJECT_DUPLICATES, NULL);
    cr_assert(object);
    uint32_t at = 0, figure = 0;
    const char *name;
    json_t *field;
    json_object_foreach(object, name, field)
    { /* jansson keeps the order */
        if (at < RECORD_LEAD_COUNT) {
            cr_assert_str_eq(name, record_lead_name[at]);
        } else {
            while (!(rc_figure_info[figure].of & rc_figures_of(channel)))
                figure++;
            cr_assert_str_eq(name, rc_figure_info[figure].name);
            compare_field(rec, field, figure++);
        }
        at++;
    }
    while (figure < RC_FIGURE_COUNT)
        cr_assert_not(rc_figure_info[figure++].of & rc_figures_of(channel));
    json_decref(object);
    free(rec);
}

Test(record_json, a_record_is_one_flat_object_with_the_leading_fields_then_its_channels_figures)
{
    leads_then_figures(RC_CALL);
    leads_then_figures(RC_CHAT);
    leads_then_figures(RC_TICKET);
}

Test(record_json, a_tickets_figures_are_those_of_the_specification)
{
    static const char *const names =
        "opened resolved reopened resolution_ms_sum handled worked_ms_sum handle_ms_sum fcr_yes "
        "fcr_no fcr_pending fcr_unknown repeats csat_satisfied csat_responses csat_score_sum "
        "qa_evaluated qa_defective qa_defects qa_opportunities aht_ms fcr_bp csat_bp accuracy_bp "
        "aht_target_ms aht_ok fcr_target_bp fcr_ok csat_target_bp csat_ok backlog "
        "backlog_overdue ";
    const char *at = names;
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++) {
        const char *name = rc_figure_info[i].name;
        if (!(rc_figure_info[i].of & RC_OF_TICKETS))
            continue;
        cr_assert(!strncmp(at, name, strlen(name)) && at[strlen(name)] == ' ', "%s", name);
        at += strlen(name) + 1;
    }
    cr_assert_eq(*at, 0);
}

Test(record_json, it_begins_as_the_specification_says)
{
    struct rc_record *rec = fixture_record("acme", "*", 0, 1000, 2000);
    static const char expected[] =
        "{\"client\":\"acme\",\"queue\":\"*\",\"channel\":\"call\",\"window\":\"15m\","
        "\"kind\":\"rolling\",\"start_ms\":1000,\"end_ms\":901000,\"as_of_ms\":2000,"
        "\"status\":\"final\",\"revision\":1,\"contract\":\"0123456789abcdef\",\"offered\":0,";
    cr_assert_eq(strncmp(json_of(rec), expected, sizeof expected - 1), 0, "%s", json_of(rec));
    cr_assert_str_eq(json_of(rec) + strlen(json_of(rec)) - 14, ",\"wrapping\":0}");
    free(rec);
}

Test(record_json, the_longest_names_and_numbers_fit)
{
    char client[RC_CLIENT_MAX + 1], queue[RC_QUEUE_MAX + 1];
    memset(client, '"', sizeof client - 1);
    memset(queue, '\\', sizeof queue - 1);
    client[sizeof client - 1] = queue[sizeof queue - 1] = 0;
    struct rc_record *rec = fixture_record(client, queue, 3, INT64_MIN + 1, INT64_MIN + 1);
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++)
        rec->value[i] = INT64_MIN + 1;
    rec->revision = UINT32_MAX;
    cr_assert_lt(strlen(json_of(rec)), SINK_RECORD_TEXT_MAX - 64);
    cr_assert_lt(strlen(key_of(rec)), SINK_KEY_MAX);
    free(rec);
}

Test(record_json, the_key_of_an_interval_ends_in_its_start)
{
    struct rc_record *rec = fixture_record("acme", "billing", 3, 1767571200000, 5);
    cr_assert_str_eq(key_of(rec), "acme|billing|call|day|1767571200000");
    free(rec);
    rec = fixture_record("acme", "@sales", 0, 1767571200000, 5);
    cr_assert_str_eq(key_of(rec), "acme|@sales|call|15m");
    free(rec);
}

Test(record_json, what_would_break_a_key_is_written_in_hex)
{
    struct rc_record *rec = fixture_record("a|b%", "q\x7f\xc3\xa9", 0, 0, 5);
    cr_assert_str_eq(key_of(rec), "a%7Cb%25|q%7F\xc3\xa9|call|15m");
    free(rec);
}

static void ordered(struct rc_record *first, struct rc_record *second)
{
    cr_assert_lt(sink_record_compare(first, second), 0);
    cr_assert_gt(sink_record_compare(second, first), 0);
    cr_assert_eq(sink_record_compare(first, first), 0);
    free(first);
    free(second);
}

Test(record_json, order_is_by_time_client_queue_window_and_start)
{
    ordered(fixture_record("z", "z", 3, 9, 1), fixture_record("a", "a", 0, 0, 2));
    ordered(fixture_record("a", "z", 3, 9, 1), fixture_record("aa", "a", 0, 0, 1));
    ordered(fixture_record("a", "q", 3, 9, 1), fixture_record("a", "q1", 0, 0, 1));
    ordered(fixture_record("a", "q", 0, 9, 1), fixture_record("a", "q", 1, 0, 1));
    ordered(fixture_record("a", "q", 2, 0, 1), fixture_record("a", "q", 2, 9, 1));
    ordered(fixture_record("a", "q\x7f", 0, 0, 1), fixture_record("a", "q\xc3\xa9", 0, 0, 1));
}

Test(record_json, groups_and_then_the_total_come_after_all_queues)
{
    ordered(fixture_record("a", "zzz", 0, 0, 1), fixture_record("a", "@a", 0, 0, 1));
    ordered(fixture_record("a", "@zz", 0, 0, 1), fixture_record("a", "*", 0, 0, 1));
}

Test(record_json, the_channel_comes_before_the_window)
{
    struct rc_record *chat = fixture_record("a", "q", 0, 0, 1);
    chat->channel = RC_CHAT;
    ordered(fixture_record("a", "q", 3, 0, 1), chat);
}

Test(record_json, a_record_of_a_clock_has_its_name_its_measure_and_its_own_figures)
{
    struct rc_record *rec = fixture_clock("acme", "q", 3, 1767571200000, "first \"response\"");
    rec->value[RC_FIG_sl_met] = 1;
    rec->value[RC_FIG_sl_of] = 2;
    rec->value[RC_FIG_sl_bp] = 5000;
    rec->value[RC_FIG_sl_target_bp] = 9000;
    rec->value[RC_FIG_sl_ok] = 0;
    cr_assert_str_eq(
        json_of(rec),
        "{\"client\":\"acme\",\"queue\":\"q\",\"channel\":\"ticket\",\"window\":\"day\","
        "\"kind\":\"interval\",\"start_ms\":1767571200000,\"end_ms\":1767572100000,"
        "\"as_of_ms\":1,\"status\":\"final\",\"revision\":1,"
        "\"contract\":\"0123456789abcdef\",\"clock\":\"first \\\"response\\\"\","
        "\"measure\":\"first_response\",\"sla_met\":1,\"sla_of\":2,\"sla_bp\":5000,"
        "\"sla_target_bp\":9000,\"sla_ok\":false}");
    rec->value[RC_FIG_sl_target_bp] = rec->value[RC_FIG_sl_ok] = RC_NULL;
    cr_assert_not_null(strstr(json_of(rec), ",\"sla_target_bp\":null,\"sla_ok\":null}"));
    free(rec);
}

Test(record_json, the_key_of_a_clock_ends_in_its_name)
{
    struct rc_record *rec = fixture_clock("a", "q", 3, 86400000, "x|y");
    cr_assert_str_eq(key_of(rec), "a|q|ticket|day|86400000|x%7Cy");
    free(rec);
    rec = fixture_clock("a", "*", 0, 86400000, "reply");
    cr_assert_str_eq(key_of(rec), "a|*|ticket|15m|reply");
    free(rec);
}

/* Its text: client, queue, contact. */
static struct rc_record *contact_record(const char *queue, const char *contact, uint32_t revision)
{
    char text[64];
    snprintf(text, sizeof text, "%s%s", queue, contact);
    struct rc_record *rec = fixture_record("a", text, 0, 0, 1);
    rec->queue_size = (uint8_t)strlen(queue);
    rec->contact_size = (uint8_t)strlen(contact);
    rec->topic = RC_TOPIC_CONTACTS;
    rec->revision = revision;
    return rec;
}

Test(record_json, records_of_a_contact_stand_by_revision_whatever_queue_it_has_moved_to)
{
    ordered(contact_record("z", "t", 3), contact_record("b", "t", 4));
    ordered(contact_record("z", "s", 9), contact_record("b", "t", 1));
}

Test(record_json, clocks_are_ordered_behind_everything_else)
{
    ordered(fixture_clock("a", "q", 2, 0, "b"), fixture_clock("a", "q", 2, 0, "bc"));
    ordered(fixture_clock("a", "q", 2, 0, "z"), fixture_clock("a", "q", 2, 9, "a"));
    ordered(fixture_clock("a", "q", 2, 9, "z"), fixture_clock("a", "q", 3, 0, "a"));
    ordered(fixture_record("z", "z", 3, 9, 1), fixture_clock("a", "a", 0, 0, "a"));
}
