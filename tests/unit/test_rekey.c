/* Which partition a client's records are copied to, and what rekey refuses before it asks Kafka. */
#include "murmur2_known.h"
#include "rekey.h"
#include <criterion/criterion.h>
#include <string.h>

Test(rekey, a_client_goes_where_kafkas_own_producers_put_it)
{
    /* BuiltInPartitioner.partitionForKey: toPositive(murmur2(key)) % partitions */
    static const int32_t partitions[] = {1, 2, 7, 16, 64, 4096};
    for (size_t i = 0; i < MURMUR2_KNOWN; i++)
        for (size_t j = 0; j < sizeof partitions / sizeof *partitions; j++) {
            uint32_t size = (uint32_t)strlen(murmur2_known[i].bytes);
            cr_expect_eq(rekey_partition(murmur2_known[i].bytes, size, (uint32_t)partitions[j]),
                         (murmur2_known[i].hash & 0x7fffffff) % partitions[j], "%s of %d",
                         murmur2_known[i].bytes, partitions[j]);
        }
}

Test(rekey, what_has_no_bytes_has_a_partition_too)
{
    /* murmur2 of nothing, by Kafka's algorithm: seed 0x9747b28c, no blocks, then the last mixing */
    uint32_t hash = 0x9747b28c;
    hash = (hash ^ hash >> 13) * 0x5bd1e995;
    hash ^= hash >> 15;
    cr_expect_eq(rekey_partition(NULL, 0, 64), (int32_t)((hash & 0x7fffffff) % 64));
}

static char message[256];

static enum rc_error opened(const char *first, const char *second, const char *suffix)
{
    static const _Atomic bool leave;
    struct rc_topic_setting topic[] = {{first, RC_CALL}, {second, RC_CHAT}};
    struct rc_config config = {.kafka = {.brokers = "127.0.0.1:1",
                                         .group = "g",
                                         .topic_count = second  ? 2
                                                        : first ? 1
                                                                : 0,
                                         .topic = topic}};
    struct rekey_options options = {
        .config = &config, .suffix = suffix, .tasks = 64, .leave = &leave};
    struct rekey *rekey = NULL;
    message[0] = '\0';
    enum rc_error err = rekey_open(&options, &rekey, message);
    if (!err)
        rekey_close(rekey);
    return err;
}

Test(rekey, a_name_that_is_no_topic_is_refused)
{
    cr_expect_eq(opened("calls", NULL, " by client"), RC_ERR_CONFIG);
    cr_expect(strstr(message, "calls by client is no name for a topic"), "%s", message);
    char suffix[300];
    memset(suffix, 'x', sizeof suffix);
    suffix[245] = '\0'; /* and 5 of the name */
    cr_expect_eq(opened("calls", NULL, suffix), RC_ERR_CONFIG);
}

Test(rekey, an_input_topic_is_never_copied_to)
{
    cr_expect_eq(opened("calls", NULL, ""), RC_ERR_CONFIG);
    cr_expect(strstr(message, "calls is an input topic itself"), "%s", message);
    cr_expect_eq(opened("calls", "calls.by-client", ".by-client"), RC_ERR_CONFIG);
    cr_expect(strstr(message, "calls.by-client is an input topic itself"), "%s", message);
}

Test(rekey, no_topics_is_a_mistake)
{
    cr_expect_eq(opened(NULL, NULL, ".by-client"), RC_ERR_CONFIG);
    cr_expect(strstr(message, "kafka.topics"), "%s", message);
}
