#include "bytes.h"
#include "continuity.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

static struct continuity *opened(void)
{
    struct continuity *c;
    cr_assert(eq(int, continuity_open(NULL, &c), RC_OK));
    return c;
}

static struct bytes saved(const struct continuity *c)
{
    struct bytes bytes = {0};
    const struct rc_snapshot_writer out = bytes_writer(&bytes);
    cr_assert(eq(int, continuity_save(c, &out), RC_OK));
    return bytes;
}

static enum rc_error restore(struct continuity *c, struct bytes *bytes)
{
    const struct rc_snapshot_reader in = bytes_reader(bytes);
    return continuity_restore(c, &in);
}

static struct rc_record record(uint8_t topic, enum rc_status status, uint32_t revision)
{
    return (struct rc_record){.size = sizeof(struct rc_record),
                              .topic = topic,
                              .kind = RC_KIND_INTERVAL,
                              .status = (uint8_t)status,
                              .revision = revision};
}

static size_t text(char room[300], enum rc_status status, uint32_t revision, uint32_t made)
{
    static const char *const words[] = {"provisional", "final", "restated", "closed"};
    return (size_t)snprintf(
        room, 300,
        "{\"client\":\"a\",\"contact\":\"c\",\"as_of_ms\":1000,\"status\":\"%s\","
        "\"revision\":%u,\"contract\":\"0\",\"handle_s\":%u}",
        words[status], revision, made);
}

static void read_back(struct continuity *c, uint8_t topic, const char *key, enum rc_status status,
                      uint32_t revision)
{
    char value[300];
    size_t size = text(value, status, revision, 5);
    cr_assert(eq(int, continuity_read_back(c, topic, key, strlen(key), value, size), RC_OK));
}

static void make(struct continuity *c, uint8_t topic, const char *key, enum rc_status status,
                 uint32_t revision)
{
    char value[300];
    struct rc_record rec = record(topic, status, revision);
    size_t size = text(value, status, revision, 5);
    cr_assert(eq(int, continuity_hold(c, &rec, key, strlen(key), value, size), RC_OK));
}

/* An interval at revision 4 that was final, one at 9 that was not, a contact that the core counts
 * two less of, and a dead letter. */
static struct continuity *rebuilt(void)
{
    struct continuity *c = opened();
    struct rc_record **held;
    size_t count;
    bool over;
    read_back(c, RC_TOPIC_METRICS, "final", RC_FINAL, 4);
    read_back(c, RC_TOPIC_METRICS, "open", RC_PROVISIONAL, 9);
    read_back(c, RC_TOPIC_CONTACTS, "contact", RC_FINAL, 3);
    cr_assert(eq(int, continuity_read_dead(c, "in", 7, 42), RC_OK));
    continuity_read_all(c);
    make(c, RC_TOPIC_METRICS, "final", RC_FINAL, 1);
    make(c, RC_TOPIC_METRICS, "open", RC_PROVISIONAL, 1);
    make(c, RC_TOPIC_CONTACTS, "contact", RC_FINAL, 1);
    cr_assert(eq(int, continuity_reach(c, 1000, &over, &held, &count), RC_OK));
    cr_assert(over);
    continuity_release(c);
    return c;
}

static struct rc_record numbered(struct continuity *c, uint8_t topic, const char *key,
                                 enum rc_status status, uint32_t revision)
{
    struct rc_record rec = record(topic, status, revision);
    cr_assert(eq(int, continuity_number(c, &rec, key, strlen(key)), RC_OK));
    return rec;
}

static void goes_on(struct continuity *c)
{
    struct rc_record zero = record(RC_TOPIC_METRICS, RC_FINAL, 1), rec;
    cr_assert(not(continuity_rebuilding(c)));
    cr_assert(eq(sz, continuity_keys(c), 4));
    cr_assert(continuity_dead_known(c, "in", 7, 42));
    cr_assert(not(continuity_dead_known(c, "in", 7, 43)));
    cr_assert(continuity_exists(c, &zero, "open", 4));
    cr_assert(not(continuity_exists(c, &zero, "unseen", 6)));
    rec = numbered(c, RC_TOPIC_METRICS, "final", RC_FINAL, 1);
    cr_assert(eq(u32, rec.revision, 5));
    cr_assert(eq(int, rec.status, RC_RESTATED));
    rec = numbered(c, RC_TOPIC_METRICS, "open", RC_FINAL, 1);
    cr_assert(eq(u32, rec.revision, 10));
    cr_assert(eq(int, rec.status, RC_FINAL));
    rec = numbered(c, RC_TOPIC_METRICS, "new", RC_PROVISIONAL, 1);
    cr_assert(eq(u32, rec.revision, 1));
    rec = numbered(c, RC_TOPIC_CONTACTS, "contact", RC_FINAL, 2);
    cr_assert(eq(u32, rec.revision, 4));
}

Test(continuity_state, what_comes_back_goes_on_as_what_was_saved)
{
    struct continuity *c = rebuilt(), *back = opened();
    struct bytes bytes = saved(c);
    cr_assert(eq(int, restore(back, &bytes), RC_OK));
    cr_assert(eq(sz, bytes.used, bytes.size));
    goes_on(c);
    goes_on(back);
    free(bytes.at);
    continuity_close(c);
    continuity_close(back);
}

Test(continuity_state, any_number_of_keys_comes_back)
{
    struct continuity *c = opened(), *back = opened();
    char key[16];
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "k%u", i);
        for (uint32_t j = 0; j <= i % 3; j++)
            numbered(c, RC_TOPIC_METRICS, key, RC_PROVISIONAL, 1);
    }
    struct bytes bytes = saved(c);
    cr_assert(eq(int, restore(back, &bytes), RC_OK));
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "k%u", i);
        struct rc_record rec = numbered(back, RC_TOPIC_METRICS, key, RC_PROVISIONAL, 1);
        cr_assert(eq(u32, rec.revision, i % 3 + 2));
    }
    free(bytes.at);
    continuity_close(c);
    continuity_close(back);
}

static void refused(const struct bytes *whole, size_t at, char byte)
{
    struct bytes bytes = *whole;
    struct continuity *c = opened();
    bytes.at = malloc(whole->size);
    memcpy(bytes.at, whole->at, whole->size);
    bytes.at[at] = byte;
    cr_assert(eq(int, restore(c, &bytes), RC_ERR_INPUT), "byte %zu", at);
    free(bytes.at);
    continuity_close(c);
}

Test(continuity_state, what_are_no_revisions_is_refused)
{
    enum { HEAD = 16, KEY = 24, STATUS = 20, FLAGS = 21, UNUSED = 22 };
    struct continuity *c = rebuilt();
    struct bytes bytes = saved(c);
    refused(&bytes, 0, 2);
    refused(&bytes, 4, 1);
    refused(&bytes, 8, 5); /* one key more than there are */
    refused(&bytes, HEAD + STATUS, RC_CLOSED + 1);
    refused(&bytes, HEAD + FLAGS, 4);
    refused(&bytes, HEAD + UNUSED, 1);
    memcpy(bytes.at + HEAD + KEY, bytes.at + HEAD, KEY); /* twice */
    refused(&bytes, 0, 1);
    bytes.size = HEAD + KEY - 1;
    refused(&bytes, 0, 1);
    free(bytes.at);
    continuity_close(c);
}
