/* Records of contacts as JSON and CSV. */
#include "contact_text.h"
#include "sink_fixture.h"
#include <criterion/criterion.h>
#include <jansson.h>

struct made {
    struct rc_record rec;
    char text[4096];
};
static struct made made;

static void put(const void *bytes, size_t size)
{
    memcpy(made.rec.text + made.rec.size, bytes, size);
    made.rec.size += (uint32_t)size;
}

static void put_clock(const char *name, bool met, int64_t at_ms)
{
    struct rc_contact_clock clock = {at_ms, met, (uint8_t)strlen(name), {0}};
    put(&clock, sizeof clock);
    put(name, clock.name_size);
    made.rec.clock_count++;
}

static struct rc_record *begin(const char *client, const char *contact)
{
    struct rc_id128 customer = {0x0123456789abcdef, 0xfedcba9876543210};
    memset(&made, 0, sizeof made);
    made.rec = (struct rc_record){.topic = RC_TOPIC_CONTACTS,
                                  .channel = RC_TICKET,
                                  .client_size = (uint8_t)strlen(client),
                                  .queue_size = 1,
                                  .contact_size = (uint8_t)strlen(contact),
                                  .conversation_size = 2,
                                  .customer_size = sizeof customer,
                                  .priority_size = 3,
                                  .revision = 4,
                                  .as_of_ms = 99,
                                  .contract = 0xab};
    for (int i = 0; i < RC_CONTACT_FIELD_COUNT; i++)
        made.rec.value[i] = RC_NULL;
    put(client, strlen(client));
    put("q", 1);
    put(contact, strlen(contact));
    put("cv", 2);
    put(&customer, sizeof customer);
    put("low", 3);
    return &made.rec;
}

static void end(void)
{
    made.rec.size += sizeof made.rec;
}

static const char *json_of(const struct rc_record *rec)
{
    static char room[1 << 20];
    uint32_t size = sink_record_json(&fixture_config()->windows, rec, room);
    cr_assert_leq(size, sink_record_room(rec));
    room[size] = 0;
    return room;
}

Test(contact_text, json_has_what_applies_in_the_order_of_the_specification)
{
    struct rc_record *rec = begin("acme", "c");
    rec->value[RC_CONTACT_queued_ms] = 7;
    rec->value[RC_CONTACT_outcome] = RC_OUTCOME_ABANDONED;
    rec->value[RC_CONTACT_sl] = RC_LEVEL_OUT;
    rec->value[RC_CONTACT_fcr] = RC_FCR_IS_UNKNOWN;
    rec->value[RC_CONTACT_score] = -1500;
    rec->value[RC_CONTACT_critical] = 0;
    rec->value[RC_CONTACT_defects] = 0;
    put_clock("a \"b\"", true, 8);
    put_clock("z", false, 9);
    end();
    cr_assert_str_eq(
        json_of(rec),
        "{\"client\":\"acme\",\"queue\":\"q\",\"channel\":\"ticket\",\"contact\":\"c\","
        "\"conversation\":\"cv\",\"customer\":\"0123456789abcdeffedcba9876543210\","
        "\"priority\":\"low\",\"as_of_ms\":99,\"revision\":4,\"contract\":\"00000000000000ab\","
        "\"queued_ms\":7,\"outcome\":\"abandoned\",\"sl\":\"out\",\"fcr\":\"unknown\","
        "\"score\":-1500,\"critical\":false,\"defects\":0,\"sla:a \\\"b\\\"\":\"met\","
        "\"sla_at_ms:a \\\"b\\\"\":8,\"sla:z\":\"missed\",\"sla_at_ms:z\":9}");
}

Test(contact_text, the_fields_are_those_of_the_specification)
{
    static const char *const names =
        "queued_ms answered_ms abandoned_ms left_ms transferred_ms ended_ms wrapped_ms "
        "resolved_ms outcome wait_ms talk_ms hold_ms acw_ms handle_ms sl sl_at_ms fcr fcr_at_ms "
        "score critical defects ";
    static const char *const all =
#define NAME(name, word) #name " "
        RC_CONTACT_FIELDS(NAME)
#undef NAME
        ;
    cr_assert_str_eq(all, names);
}

Test(contact_text, a_key_is_client_and_contact)
{
    char room[SINK_KEY_MAX];
    struct rc_record *rec = begin("a|b", "c%");
    end();
    room[sink_record_key(&fixture_config()->windows, rec, room)] = 0;
    cr_assert_str_eq(room, "a%7Cb|c%25");
}

Test(contact_text, many_clocks_with_the_worst_names_fit)
{
    char name[RC_CLOCK_NAME_MAX + 1] = {0};
    struct rc_record *rec = begin("acme", "c");
    memset(name, 1, RC_CLOCK_NAME_MAX);
    for (int i = 0; i < 40; i++) {
        name[0] = (char)('0' + i);
        put_clock(name, true, INT64_MIN + 1);
    }
    for (int i = 0; i < RC_CONTACT_FIELD_COUNT; i++)
        rec->value[i] = 0;
    end();
    json_t *object = json_loads(json_of(rec), JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(object);
    cr_assert_eq(json_object_size(object), 10 + RC_CONTACT_FIELD_COUNT + 80);
    json_decref(object);
}

static const struct rc_clock b_clocks[] = {{.name = "b", .name_size = 1},
                                           {.name = "c,", .name_size = 2}};
static const struct rc_clock a_clocks[] = {{.name = "a", .name_size = 1},
                                           {.name = "b", .name_size = 1}};

Test(contact_text, csv_has_columns_for_the_clocks_of_all_contracts)
{
    struct rc_dated_contract b = {INT64_MIN, {.clock_count = 2, .clock = b_clocks}};
    struct rc_dated_contract a = {INT64_MIN, {.clock_count = 2, .clock = a_clocks}};
    struct rc_client_policy client = {.channel = {[RC_TICKET] = {1, &a}}};
    struct rc_config config = {.contracts = {.defaults = {.channel = {[RC_TICKET] = {1, &b}}},
                                             .client_count = 1,
                                             .client = &client}};
    struct contact_clocks clocks;
    cr_assert_eq(contact_clocks_init(&clocks, &config), RC_OK);
    cr_assert_eq(clocks.count, 3);
    char line[1 << 16];
    line[contact_csv_header(&clocks, line)] = 0;
    cr_assert_str_eq(strstr(line, ",critical"),
                     ",critical,defects,sla:a,sla_at_ms:a,sla:b,sla_at_ms:b,\"sla:c,\","
                     "\"sla_at_ms:c,\"\r\n");
    struct rc_record *rec = begin("ac,me", "c");
    rec->value[RC_CONTACT_queued_ms] = 7;
    rec->value[RC_CONTACT_critical] = 1;
    put_clock("b", true, 8);
    end();
    line[contact_csv(&clocks, rec, line)] = 0;
    cr_assert_str_eq(line, "\"ac,me\",q,ticket,c,cv,0123456789abcdeffedcba9876543210,low,99,4,"
                           "00000000000000ab,7,,,,,,,,,,,,,,,,,,,true,,,,met,8,,\r\n");
    contact_clocks_done(&clocks);
}
