#include "feed_places.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static struct feed_places places;

static void open_with(const struct rc_topic_setting *topic, uint32_t count)
{
    struct rc_kafka kafka = {.topic = topic, .topic_count = count};
    cr_assert(eq(int, feed_places_init(&places, &kafka), RC_OK));
}

static void done(void)
{
    feed_places_done(&places);
}

TestSuite(feed_places, .fini = done);

static uint32_t find(const char *channel, const char *contact)
{
    return feed_places_find(&places, channel, strlen(channel), "a", 1, contact, strlen(contact));
}

static const struct rc_topic_setting each[] = {{"calls", RC_CALL}, {"chats", RC_CHAT}};
static const struct rc_topic_setting mixed[] = {{"calls", RC_CALL}, {"rest", RC_CHANNEL_NONE}};

Test(feed_places, an_event_goes_to_the_topic_of_its_channel)
{
    open_with(each, 2);
    cr_assert(eq(u32, find("call", "1"), 0));
    cr_assert(eq(u32, find("chat", "2"), 1));
    cr_assert(eq(u32, find("ticket", "3"), FEED_NOWHERE));
}

Test(feed_places, one_without_a_channel_follows_its_contact)
{
    open_with(each, 2);
    cr_assert(eq(u32, find("", "1"), FEED_NOWHERE));
    find("chat", "1");
    cr_assert(eq(u32, find("", "1"), 1));
    cr_assert(eq(u32, find("", "2"), FEED_NOWHERE));
}

Test(feed_places, the_topic_that_takes_any_takes_the_rest)
{
    open_with(mixed, 2);
    cr_assert(eq(u32, find("call", "1"), 0));
    cr_assert(eq(u32, find("ticket", "2"), 1));
    cr_assert(eq(u32, find("", "9"), 1));
    cr_assert(eq(u32, find("", "1"), 0));
    cr_assert(eq(u32, find("", ""), 1));
}

Test(feed_places, many_contacts_are_remembered)
{
    char contact[16];
    open_with(each, 2);
    for (int i = 0; i < 200000; i++) {
        snprintf(contact, sizeof contact, "c%d", i);
        find(i % 2 ? "chat" : "call", contact);
    }
    for (int i = 0; i < 200000; i += 7) {
        snprintf(contact, sizeof contact, "c%d", i);
        cr_assert(eq(u32, find("", contact), (uint32_t)(i % 2)));
    }
}
