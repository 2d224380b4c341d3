#include "continuity.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static struct continuity *c;

static void begin(void)
{
    cr_assert(eq(int, continuity_open(NULL, &c), RC_OK));
}

static void end(void)
{
    continuity_close(c);
}

TestSuite(continuity, .init = begin, .fini = end);

static const char *const words[] = {"provisional", "final", "restated", "closed"};

static size_t text(char room[512], int64_t as_of_ms, enum rc_status status, uint32_t revision,
                   int offered)
{
    return (size_t)snprintf(
        room, 512,
        "{\"client\":\"a\\\"contract\\\":\",\"queue\":\"q\",\"as_of_ms\":%lld,\"status\":\"%s\","
        "\"revision\":%u,\"contract\":\"0123\",\"offered\":%d}",
        (long long)as_of_ms, words[status], revision, offered);
}

static void read_back(const char *key, int64_t as_of_ms, enum rc_status status, uint32_t revision,
                      int offered)
{
    char value[512];
    size_t size = text(value, as_of_ms, status, revision, offered);
    cr_assert(
        eq(int, continuity_read_back(c, RC_TOPIC_METRICS, key, strlen(key), value, size), RC_OK));
}

static struct rc_record record(int64_t as_of_ms, enum rc_status status, int offered)
{
    return (struct rc_record){.size = sizeof(struct rc_record),
                              .kind = RC_KIND_INTERVAL,
                              .status = status,
                              .revision = 77, /* of this run: means nothing */
                              .as_of_ms = as_of_ms,
                              .value = {offered}};
}

static void make(const char *key, int64_t as_of_ms, enum rc_status status, int offered)
{
    char value[512];
    struct rc_record rec = record(as_of_ms, status, offered);
    size_t size = text(value, as_of_ms, status, 77, offered);
    cr_assert(eq(int, continuity_hold(c, &rec, key, strlen(key), value, size), RC_OK));
}

static uint32_t number(const char *key, enum rc_status *status)
{
    struct rc_record rec = record(0, *status, 1);
    cr_assert(eq(int, continuity_number(c, &rec, key, strlen(key)), RC_OK));
    *status = rec.status;
    return rec.revision;
}

static uint32_t revision_of(const char *key, enum rc_status status)
{
    return number(key, &status);
}

static size_t reach(int64_t now_ms, bool *over)
{
    struct rc_record **held = NULL;
    size_t count = 0;
    cr_assert(eq(int, continuity_reach(c, now_ms, over, &held, &count), RC_OK));
    return count;
}

Test(continuity, a_first_start_holds_nothing_and_counts_from_one)
{
    cr_assert(eq(i64, continuity_read_all(c), RC_TIME_NONE));
    cr_assert(not(continuity_rebuilding(c)));
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 1));
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 2));
    cr_assert(eq(u32, revision_of("other", RC_PROVISIONAL), 1));
}

Test(continuity, what_is_rebuilt_as_it_was_is_adopted_with_its_revision)
{
    bool over;
    read_back("k", 1000, RC_PROVISIONAL, 4, 10);
    cr_assert(eq(i64, continuity_read_all(c), 1000));
    make("k", 400, RC_PROVISIONAL, 5);
    cr_assert(eq(sz, continuity_held(c), 1));
    make("k", 900, RC_PROVISIONAL, 10);
    cr_assert(eq(sz, continuity_held(c), 0));
    cr_assert(eq(sz, reach(1000, &over), 0));
    cr_assert(over);
    continuity_release(c);
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 5));
}

Test(continuity, what_differs_is_held_until_time_is_where_it_was)
{
    bool over;
    read_back("k", 1000, RC_PROVISIONAL, 4, 10);
    continuity_read_all(c);
    make("k", 900, RC_PROVISIONAL, 11);
    cr_assert(eq(sz, reach(RC_TIME_NONE, &over), 0));
    cr_assert(not(over));
    cr_assert(eq(sz, reach(999, &over), 0));
    cr_assert(not(over));
    cr_assert(eq(sz, reach(1000, &over), 1));
    cr_assert(over);
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 5));
    continuity_release(c);
    cr_assert(not(continuity_rebuilding(c)));
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 6));
}

Test(continuity, only_the_last_of_a_key_is_held)
{
    bool over;
    read_back("k", 1000, RC_FINAL, 1, 10);
    continuity_read_all(c);
    make("new", 100, RC_PROVISIONAL, 1);
    make("new", 200, RC_PROVISIONAL, 2);
    make("k", 1000, RC_FINAL, 10);
    cr_assert(eq(sz, reach(1500, &over), 1));
    cr_assert(eq(u32, revision_of("new", RC_PROVISIONAL), 1));
    continuity_release(c);
}

Test(continuity, a_key_that_is_not_rebuilt_is_left_alone)
{
    bool over;
    read_back("gone", 1000, RC_FINAL, 3, 10);
    continuity_read_all(c);
    cr_assert(eq(sz, reach(1000, &over), 0));
    cr_assert(over);
    continuity_release(c);
    cr_assert(eq(u32, revision_of("gone", RC_FINAL), 4));
}

Test(continuity, a_zero_is_nothing_where_nothing_was_published)
{
    bool over;
    read_back("k", 1000, RC_PROVISIONAL, 4, 10);
    continuity_read_all(c);
    make("unseen", 300, RC_PROVISIONAL, 7);
    make("unseen", 900, RC_PROVISIONAL, 0);
    char value[512];
    struct rc_record passed_over = record(900, RC_PROVISIONAL, 0);
    passed_over.revision = 0;
    size_t size = text(value, 900, RC_PROVISIONAL, 0, 0);
    cr_assert(eq(int, continuity_hold(c, &passed_over, "k", 1, value, size), RC_OK));
    cr_assert(eq(sz, reach(1000, &over), 1));
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 5));
    continuity_release(c);
    struct rc_record zero = record(1100, RC_FINAL, 0);
    cr_assert(not(continuity_exists(c, &zero, "unseen", 6)));
    cr_assert(continuity_exists(c, &zero, "k", 1));
    zero.value[RC_FIG_waiting] = 1;
    cr_assert(continuity_exists(c, &zero, "unseen", 6));
}

Test(continuity, a_record_held_or_adopted_shows_the_revision_it_has_outside)
{
    char value[512];
    read_back("k", 1000, RC_RESTATED, 4, 10);
    continuity_read_all(c);
    struct rc_record rec = record(900, RC_FINAL, 10);
    continuity_hold(c, &rec, "k", 1, value, text(value, 900, RC_FINAL, 77, 10));
    cr_assert(eq(u32, rec.revision, 4));
    cr_assert(eq(int, rec.status, RC_RESTATED));
    rec = record(900, RC_FINAL, 11);
    continuity_hold(c, &rec, "k", 1, value, text(value, 900, RC_FINAL, 77, 11));
    cr_assert(eq(u32, rec.revision, 5));
}

Test(continuity, the_last_record_read_back_counts)
{
    bool over;
    read_back("k", 500, RC_PROVISIONAL, 1, 1);
    read_back("k", 700, RC_PROVISIONAL, 2, 2);
    read_back("k", 600, RC_PROVISIONAL, 3, 3);
    cr_assert(eq(i64, continuity_read_all(c), 700));
    make("k", 700, RC_PROVISIONAL, 3);
    cr_assert(eq(sz, reach(700, &over), 0));
    continuity_release(c);
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 4));
}

Test(continuity, a_tombstone_ends_a_key_and_the_next_one_starts_at_one)
{
    read_back("k", 500, RC_PROVISIONAL, 9, 1);
    continuity_read_back(c, RC_TOPIC_METRICS, "k", 1, NULL, 0);
    cr_assert(eq(sz, continuity_keys(c), 0));
    continuity_read_all(c);
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 1));
    struct rc_record rec = record(0, RC_FINAL, 0);
    rec.tombstone = 1;
    cr_assert(eq(int, continuity_number(c, &rec, "k", 1), RC_OK));
    cr_assert(eq(sz, continuity_keys(c), 0));
    cr_assert(eq(u32, revision_of("k", RC_PROVISIONAL), 1));
}

Test(continuity, becoming_final_is_published_though_the_figures_are_the_same)
{
    bool over;
    read_back("k", 1000, RC_PROVISIONAL, 4, 10);
    continuity_read_all(c);
    make("k", 1000, RC_FINAL, 10);
    cr_assert(eq(sz, reach(1000, &over), 1));
    enum rc_status status = RC_FINAL;
    cr_assert(eq(u32, number("k", &status), 5));
    cr_assert(eq(int, status, RC_FINAL));
    continuity_release(c);
}

Test(continuity, restated_or_final_is_no_difference_and_final_again_is_restated)
{
    bool over;
    read_back("same", 1000, RC_RESTATED, 4, 10);
    read_back("other", 1000, RC_FINAL, 4, 10);
    continuity_read_all(c);
    make("same", 1000, RC_FINAL, 10);
    make("other", 1000, RC_FINAL, 11);
    cr_assert(eq(sz, reach(1000, &over), 1));
    enum rc_status status = RC_FINAL;
    cr_assert(eq(u32, number("other", &status), 5));
    cr_assert(eq(int, status, RC_RESTATED));
    continuity_release(c);
}

Test(continuity, closed_keys_are_forgotten)
{
    bool over;
    read_back("k", 1000, RC_CLOSED, 4, 10);
    read_back("held", 1000, RC_FINAL, 4, 10);
    continuity_read_all(c);
    make("k", 1000, RC_CLOSED, 10);
    make("held", 1000, RC_CLOSED, 10);
    cr_assert(eq(sz, reach(1000, &over), 1));
    cr_assert(eq(u32, revision_of("held", RC_CLOSED), 5));
    continuity_release(c);
    cr_assert(eq(sz, continuity_keys(c), 0));
    revision_of("live", RC_PROVISIONAL);
    cr_assert(eq(sz, continuity_keys(c), 1));
    revision_of("live", RC_CLOSED);
    cr_assert(eq(sz, continuity_keys(c), 0));
}

Test(continuity, what_is_no_record_of_ours_is_passed_over)
{
    static const char *const values[] = {
        "",
        "{}",
        "not json",
        "{\"contract\":\"0\",\"status\":\"final\"}",
        "{\"as_of_ms\":1,\"status\":\"odd\",\"revision\":1,\"contract\":\"0\"}",
        "{\"as_of_ms\":99999999999999999999,\"status\":\"final\",\"revision\":1,\"contract\":0}",
        "{\"as_of_ms\":1,\"status\":\"final\",\"revision\":0,\"contract\":0}"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        cr_assert(
            eq(int, continuity_read_back(c, RC_TOPIC_METRICS, "k", 1, values[i], strlen(values[i])),
               RC_OK));
    cr_assert(eq(sz, continuity_keys(c), 0));
}

Test(continuity, topics_have_keys_of_their_own)
{
    char value[512];
    size_t size = text(value, 10, RC_FINAL, 7, 1);
    continuity_read_back(c, RC_TOPIC_SLAS, "k", 1, value, size);
    cr_assert(eq(u32, revision_of("k", RC_FINAL), 1));
}

Test(continuity, dead_letters_are_known_by_their_position)
{
    continuity_read_dead(c, "calls", 3, 17);
    cr_assert(continuity_dead_known(c, "calls", 3, 17));
    cr_assert(not(continuity_dead_known(c, "calls", 3, 18)));
    cr_assert(not(continuity_dead_known(c, "calls", 17, 3)));
    cr_assert(not(continuity_dead_known(c, "chats", 3, 17)));
    cr_assert(eq(i64, continuity_read_all(c), RC_TIME_NONE));
}

Test(continuity, thousands_of_keys_come_and_go)
{
    enum { KEYS = 20000 };
    char key[32];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "key %d", i);
            cr_assert(eq(u32, revision_of(key, RC_PROVISIONAL), 1));
        }
        cr_assert(eq(sz, continuity_keys(c), KEYS));
        for (int i = 0; i < KEYS; i += 2) {
            snprintf(key, sizeof key, "key %d", i);
            cr_assert(eq(u32, revision_of(key, RC_CLOSED), 2));
        }
        cr_assert(eq(sz, continuity_keys(c), KEYS / 2));
        for (int i = 1; i < KEYS; i += 2) {
            snprintf(key, sizeof key, "key %d", i);
            cr_assert(eq(u32, revision_of(key, RC_PROVISIONAL), 2));
            cr_assert(eq(u32, revision_of(key, RC_CLOSED), 3));
        }
        cr_assert(eq(sz, continuity_keys(c), 0));
    }
}

/* ---- contacts ---- */

static const char *customer = "00000000000000000000000000000001";

static size_t contact_text(char room[512], const char *queue, int64_t as_of_ms, uint32_t revision,
                           int wait_ms)
{
    return (size_t)snprintf(room, 512,
                            "{\"client\":\"a\",\"queue\":\"%s\",\"contact\":\"k\",\"customer\":"
                            "\"%s\",\"as_of_ms\":%lld,\"revision\":%u,\"contract\":\"0123\","
                            "\"wait_ms\":%d}",
                            queue, customer, (long long)as_of_ms, revision, wait_ms);
}

static void read_back_contact(const char *key, const char *queue, uint32_t revision, int wait_ms)
{
    char value[512];
    size_t size = contact_text(value, queue, 1000, revision, wait_ms);
    cr_assert(
        eq(int, continuity_read_back(c, RC_TOPIC_CONTACTS, key, strlen(key), value, size), RC_OK));
}

static struct rc_record contact(uint32_t revision)
{
    return (struct rc_record){.size = sizeof(struct rc_record),
                              .topic = RC_TOPIC_CONTACTS,
                              .kind = RC_KIND_INTERVAL,
                              .status = RC_FINAL,
                              .revision = revision};
}

static void make_contact(const char *key, const char *queue, uint32_t revision, int wait_ms)
{
    char value[512];
    struct rc_record rec = contact(revision);
    size_t size = contact_text(value, queue, 900, revision, wait_ms);
    cr_assert(continuity_exists(c, &rec, key, strlen(key)));
    cr_assert(eq(int, continuity_hold(c, &rec, key, strlen(key), value, size), RC_OK));
}

static uint32_t contact_revision(const char *key, uint32_t revision)
{
    struct rc_record rec = contact(revision);
    cr_assert(eq(int, continuity_number(c, &rec, key, strlen(key)), RC_OK));
    return rec.revision;
}

Test(continuity, contacts_without_a_run_before_keep_the_cores_revisions_and_no_memory)
{
    continuity_read_all(c);
    cr_assert(eq(u32, contact_revision("k", 1), 1));
    cr_assert(eq(u32, contact_revision("k", 2), 2));
    cr_assert(eq(u32, contact_revision("k", 1), 1), "a new contact of the same id");
    cr_assert(eq(sz, continuity_keys(c), 0));
}

Test(continuity, contacts_that_were_published_are_adopted_and_numbered_on)
{
    bool over;
    read_back_contact("same", "q", 2, 5);
    read_back_contact("more", "q", 5, 5);
    read_back_contact("differs", "q", 5, 5);
    read_back_contact("moved", "q", 1, 5);
    read_back_contact("gone", "q", 3, 5);
    cr_assert(eq(i64, continuity_read_all(c), 1000));
    make_contact("same", "q", 1, 4);
    make_contact("same", "q", 2, 5);
    make_contact("more", "q", 2, 5);
    make_contact("differs", "q", 2, 6);
    make_contact("moved", "other", 1, 5);
    make_contact("new", "q", 1, 5);
    cr_assert(eq(sz, reach(1000, &over), 3), "differs, moved, new");
    cr_assert(eq(u32, contact_revision("differs", 6), 6));
    cr_assert(eq(u32, contact_revision("moved", 2), 2));
    cr_assert(eq(u32, contact_revision("new", 1), 1));
    continuity_release(c);
    cr_assert(eq(u32, contact_revision("same", 3), 3));
    cr_assert(eq(u32, contact_revision("more", 3), 6));
    cr_assert(eq(u32, contact_revision("differs", 3), 7));
    cr_assert(eq(u32, contact_revision("differs", 4), 8));
    cr_assert(eq(u32, contact_revision("moved", 2), 3));
    cr_assert(eq(u32, contact_revision("new", 2), 2));
    cr_assert(eq(u32, contact_revision("gone", 1), 4));
    cr_assert(eq(sz, continuity_keys(c), 4), "more, differs, moved and gone are ahead of the core");
}

static size_t differ_in_customers(void)
{
    bool over;
    read_back_contact("k", "q", 2, 5);
    continuity_read_all(c);
    customer = "00000000000000000000000000000002";
    make_contact("k", "q", 2, 5);
    return reach(1000, &over);
}

Test(continuity, another_customer_is_a_difference)
{
    cr_assert(eq(sz, differ_in_customers(), 1));
    continuity_release(c);
}

Test(continuity, a_new_key_of_pseudonyms_does_not_publish_all_contacts_again)
{
    continuity_new_pseudonyms(c);
    cr_assert(eq(sz, differ_in_customers(), 0));
    continuity_release(c);
}
