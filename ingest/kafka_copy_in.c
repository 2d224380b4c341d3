/* The reading half of the copying: every partition from where the group has committed, merged in
 * the order of time. Each has a queue of its own, so that of those that are ahead no more waits
 * here than librdkafka fetches in advance. */
#include "kafka_copy_in.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    SERVE_EVERY_MS = 50,
    NAP_MS = 50,
    AGAIN_MS = 200,       /* Kafka did not answer */
    LOOK_EVERY_MS = 5000, /* for new partitions */
    LOOK_WAIT_MS = 1000
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool left(const struct ingest_copy *copy)
{
    return atomic_load_explicit(copy->options.leave, memory_order_relaxed);
}

static const char *name_of(const struct ingest_copy *copy, uint32_t topic)
{
    return copy->options.config->kafka.topic[topic].name;
}

/* ---- open, close ---- */

enum rc_error ingest_copy_open(const struct ingest_copy_options *options,
                               struct ingest_copy **ret_copy, char ret_message[256])
{
    struct ingest_copy *copy = calloc(1, sizeof *copy);
    uint32_t topics = options->config->kafka.topic_count;
    struct ingest_decoder_options decoder = {.config = options->config};
    (void)ret_message;
    if (!copy)
        return RC_ERR_MEMORY;
    *copy = (struct ingest_copy){.options = *options, .given = MERGE_NOBODY};
    copy->known = calloc(topics + 1, sizeof *copy->known);
    copy->begun = calloc(topics + 1, sizeof *copy->begun);
    enum rc_error err =
        copy->known && copy->begun ? ingest_decoder_open(&decoder, &copy->decoder) : RC_ERR_MEMORY;
    if (err) {
        ingest_copy_close(copy);
        return err;
    }
    *ret_copy = copy;
    return RC_OK;
}

static void drop_parts(struct ingest_copy *copy)
{
    for (uint32_t i = 0; i < copy->part_count; i++) {
        struct copy_part *part = &copy->part[i];
        for (; part->at < part->count; part->at++)
            rd_kafka_message_destroy(part->waiting[part->at]);
        free(part->waiting);
        if (part->queue)
            rd_kafka_queue_destroy(part->queue);
    }
    copy->part_count = 0;
    copy->given = MERGE_NOBODY;
    memset(copy->known, 0, copy->options.config->kafka.topic_count * sizeof *copy->known);
    memset(copy->begun, 0, copy->options.config->kafka.topic_count * sizeof *copy->begun);
    if (copy->opened)
        kafka_client_close(&copy->client);
    copy->opened = false;
}

void ingest_copy_close(struct ingest_copy *copy)
{
    if (!copy)
        return;
    if (copy->known && copy->begun)
        drop_parts(copy);
    ingest_decoder_close(copy->decoder);
    free(copy->part);
    free(copy->merge);
    free(copy->offset);
    free(copy->header);
    free(copy->scratch);
    free(copy->known);
    free(copy->begun);
    free(copy);
}

/* ---- taking partitions up ---- */

static enum rc_error make_room(struct ingest_copy *copy, uint32_t more)
{
    size_t count = copy->part_count + more;
    struct copy_part *part = realloc(copy->part, (count + 1) * sizeof *part);
    if (!part)
        return RC_ERR_MEMORY;
    copy->part = part;
    struct merge_part *merge = realloc(copy->merge, (count + 1) * sizeof *merge);
    if (!merge)
        return RC_ERR_MEMORY;
    copy->merge = merge;
    struct rc_copy_offset *offset = realloc(copy->offset, (count + 1) * sizeof *offset);
    if (!offset)
        return RC_ERR_MEMORY;
    copy->offset = offset;
    return RC_OK;
}

/* What is to be read next must be there. */
static enum rc_error check_place(const struct ingest_copy *copy, const struct copy_part *part,
                                 int64_t first, char ret_message[256])
{
    const char *name = name_of(copy, part->topic);
    if (part->next < first)
        snprintf(ret_message, 256,
                 "%.120s/%d: %lld records are gone (retention) that were not copied yet", name,
                 part->partition, (long long)(first - part->next));
    else if (part->next > part->end)
        snprintf(ret_message, 256,
                 "%.120s/%d ends at %lld, and %lld were copied: it is not the topic that it was",
                 name, part->partition, (long long)part->end, (long long)part->next);
    else
        return RC_OK;
    return RC_ERR_INPUT;
}

struct found { /* lists of the same partitions */
    rd_kafka_topic_partition_list_t *first, *end, *committed;
};

static enum rc_error add_part(struct ingest_copy *copy, uint32_t topic, const struct found *found,
                              char ret_message[256])
{
    uint32_t number = copy->part_count;
    struct copy_part *part = &copy->part[number];
    int32_t partition = (int32_t)copy->known[topic];
    const char *name = name_of(copy, topic);
    int64_t first = rd_kafka_topic_partition_list_find(found->first, name, partition)->offset;
    int64_t read = rd_kafka_topic_partition_list_find(found->committed, name, partition)->offset;
    *part = (struct copy_part){
        .topic = topic,
        .partition = partition,
        /* With the first record of a topic all its partitions are committed: it is a new one. */
        .next = read >= 0            ? read
                : copy->begun[topic] ? 0
                                     : first,
        .committed = read >= 0 ? read : -1,
        .end = rd_kafka_topic_partition_list_find(found->end, name, partition)->offset};
    enum rc_error err = check_place(copy, part, first, ret_message);
    if (!err && !(part->waiting = calloc(COPY_BATCH, sizeof *part->waiting)))
        err = RC_ERR_MEMORY;
    if (!err)
        err = kafka_client_assign(&copy->client, name, partition, part->next, &part->queue);
    if (err) {
        free(part->waiting);
        return err;
    }
    copy->merge[number] = (struct merge_part){.state = MERGE_OPEN, .time_ms = RC_TIME_NONE};
    copy->part_count++;
    copy->known[topic]++;
    return RC_OK;
}

/* KAFKA: no answer, to be tried again. */
static enum rc_error find(struct ingest_copy *copy, const struct found *found)
{
    enum rc_error err = kafka_client_offsets(&copy->client, found->first, false);
    if (!err)
        err = kafka_client_offsets(&copy->client, found->end, true);
    if (!err)
        err = kafka_client_committed(&copy->client, found->committed);
    return err;
}

static bool any_committed(const struct found *found, const char *name)
{
    for (int i = 0; i < found->committed->cnt; i++)
        if (found->committed->elems[i].offset >= 0 &&
            !strcmp(found->committed->elems[i].topic, name))
            return true;
    return false;
}

static enum rc_error add_parts(struct ingest_copy *copy, const uint32_t *count,
                               char ret_message[256])
{
    uint32_t topics = copy->options.config->kafka.topic_count;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (uint32_t i = 0; i < topics; i++)
        for (uint32_t part = copy->known[i]; part < count[i]; part++)
            rd_kafka_topic_partition_list_add(list, name_of(copy, i), (int32_t)part);
    struct found found = {list, rd_kafka_topic_partition_list_copy(list),
                          rd_kafka_topic_partition_list_copy(list)};
    enum rc_error err = list->cnt ? make_room(copy, (uint32_t)list->cnt) : RC_OK;
    if (!err && list->cnt)
        err = find(copy, &found);
    for (uint32_t i = 0; i < topics && !err; i++)
        copy->begun[i] |= any_committed(&found, name_of(copy, i));
    for (uint32_t i = 0; i < topics; i++)
        while (!err && copy->known[i] < count[i])
            err = add_part(copy, i, &found, ret_message);
    rd_kafka_topic_partition_list_destroy(found.first);
    rd_kafka_topic_partition_list_destroy(found.end);
    rd_kafka_topic_partition_list_destroy(found.committed);
    return err;
}

/* KAFKA: no answer, or a topic is not there. */
static enum rc_error count_parts(struct ingest_copy *copy, uint32_t *ret_count, uint32_t *ret_total)
{
    *ret_total = 0;
    for (uint32_t i = 0; i < copy->options.config->kafka.topic_count; i++) {
        if (kafka_client_look(&copy->client, name_of(copy, i), LOOK_WAIT_MS, &ret_count[i]) ||
            !ret_count[i])
            return RC_ERR_KAFKA;
        *ret_total += ret_count[i];
    }
    return RC_OK;
}

static enum rc_error check_policies(struct ingest_copy *copy, char ret_message[256])
{
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < copy->options.config->kafka.topic_count && !err; i++) {
        enum kafka_policy policy;
        err = kafka_client_policy(&copy->client, name_of(copy, i), &policy);
        if (!err && policy == KAFKA_POLICY_COMPACTS) {
            snprintf(ret_message, 256,
                     "the input topic %.120s is compacted (cleanup.policy): it "
                     "does not keep all that was in it",
                     name_of(copy, i));
            err = RC_ERR_CONFIG;
        }
    }
    return err;
}

static enum rc_error take_up(struct ingest_copy *copy, uint32_t *count, char ret_message[256])
{
    uint32_t total;
    enum rc_error err = count_parts(copy, count, &total);
    if (!err && !copy->client.consumer)
        err = kafka_client_start(&copy->client, total, ret_message);
    if (!err)
        err = check_policies(copy, ret_message);
    return err ? err : add_parts(copy, count, ret_message);
}

enum rc_error ingest_copy_begin(struct ingest_copy *copy, char ret_message[256])
{
    const struct ingest_copy_options *options = &copy->options;
    uint32_t *count = calloc(options->config->kafka.topic_count + 1, sizeof *count);
    if (!count)
        return RC_ERR_MEMORY;
    drop_parts(copy);
    enum rc_error err = kafka_client_open(&copy->client, options->config, options->say,
                                          options->opaque, ret_message);
    copy->opened = !err;
    if (!err)
        err = take_up(copy, count, ret_message);
    while (err == RC_ERR_KAFKA && !left(copy)) {
        poll(NULL, 0, AGAIN_MS);
        err = take_up(copy, count, ret_message);
    }
    free(count);
    copy->quiet_ms = steady_ms();
    copy->look_at_ms = copy->quiet_ms + LOOK_EVERY_MS;
    return err;
}

bool ingest_copy_begun(const struct ingest_copy *copy, uint32_t topic)
{
    return copy->begun[topic];
}

static enum rc_error look_for_more(struct ingest_copy *copy, char ret_message[256])
{
    uint32_t *count = calloc(copy->options.config->kafka.topic_count + 1, sizeof *count), total;
    if (!count)
        return RC_ERR_MEMORY;
    enum rc_error err = count_parts(copy, count, &total);
    if (!err && total > copy->part_count)
        err = add_parts(copy, count, ret_message);
    free(count);
    copy->look_at_ms = steady_ms() + LOOK_EVERY_MS;
    return err == RC_ERR_KAFKA ? RC_OK : err; /* with the next look */
}

/* ---- reading ---- */

/* Offsets that are passed over are those of transactions, but if retention has taken them away. */
static enum rc_error check_gap(struct ingest_copy *copy, const struct copy_part *part,
                               int64_t offset, char ret_message[256])
{
    if (offset <= part->next + 1)
        return RC_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name_of(copy, part->topic), part->partition);
    enum rc_error err = RC_ERR_KAFKA;
    while (err == RC_ERR_KAFKA && !left(copy))
        err = kafka_client_offsets(&copy->client, list, false);
    if (!err && list->elems[0].offset > part->next)
        err = check_place(copy, part, list->elems[0].offset, ret_message);
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

/* Kafka does not have what is next any more. INPUT. */
static enum rc_error say_gone(struct ingest_copy *copy, const struct copy_part *part,
                              char ret_message[256])
{
    enum rc_error err = check_gap(copy, part, INT64_MAX, ret_message);
    if (err)
        return err;
    snprintf(ret_message, 256, "%s [%d] has no offset %lld any more, which was next",
             name_of(copy, part->topic), (int)part->partition, (long long)part->next);
    return RC_ERR_INPUT;
}

/* Passes over what is no record; the partition's state says what is found. */
static enum rc_error look_at_waiting(struct ingest_copy *copy, uint32_t number,
                                     char ret_message[256])
{
    struct copy_part *part = &copy->part[number];
    for (; part->at < part->count; part->at++) {
        rd_kafka_message_t *message = part->waiting[part->at];
        if (!message->err) {
            kafka_client_answered(&copy->client);
            enum rc_error err = check_gap(copy, part, message->offset, ret_message);
            return err ? err : copy_record_look(copy, number, message);
        }
        if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
            return say_gone(copy, part, ret_message);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            kafka_client_answered(&copy->client);
            copy->merge[number].state = MERGE_END;
            part->next = message->offset > part->next ? message->offset : part->next;
        } else {
            kafka_client_complain(&copy->client, message->err, rd_kafka_message_errstr(message));
        }
        rd_kafka_message_destroy(message);
    }
    return RC_OK;
}

/* Lets go of the record that was lent. */
static enum rc_error let_go(struct ingest_copy *copy, char ret_message[256])
{
    uint32_t number = copy->given;
    struct copy_part *part = &copy->part[number];
    if (number == MERGE_NOBODY)
        return RC_OK;
    copy->given = MERGE_NOBODY;
    rd_kafka_message_destroy(part->waiting[part->at++]);
    copy->merge[number].state = MERGE_OPEN;
    return look_at_waiting(copy, number, ret_message);
}

static enum rc_error fetch(struct ingest_copy *copy, char ret_message[256])
{
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < copy->part_count && !err; i++) {
        struct copy_part *part = &copy->part[i];
        if (copy->merge[i].state == MERGE_NEXT)
            continue;
        ssize_t count = rd_kafka_consume_batch_queue(part->queue, 0, part->waiting, COPY_BATCH);
        part->at = 0;
        part->count = count > 0 ? (uint32_t)count : 0;
        err = look_at_waiting(copy, i, ret_message);
    }
    return err;
}

static enum rc_error serve(struct ingest_copy *copy, char ret_message[256])
{
    int64_t now_ms = steady_ms();
    if (now_ms - copy->served_ms < SERVE_EVERY_MS)
        return RC_OK;
    copy->served_ms = now_ms;
    rd_kafka_message_t *stray = kafka_client_poll(&copy->client);
    if (stray) { /* passed by others of its partition, perhaps */
        rd_kafka_message_destroy(stray);
        snprintf(ret_message, 256, "a record came out of order");
        return RC_ERR_INTERNAL;
    }
    return now_ms >= copy->look_at_ms ? look_for_more(copy, ret_message) : fetch(copy, ret_message);
}

static void nap(struct ingest_copy *copy, int64_t most_ms)
{
    struct pollfd wake = {.fd = copy->client.wake_fd, .events = POLLIN};
    if (most_ms > 0 && poll(&wake, 1, (int)(most_ms < NAP_MS ? most_ms : NAP_MS)) > 0) {
        uint64_t count;
        ssize_t got = read(wake.fd, &count, sizeof count);
        (void)got; /* its number means nothing */
    }
}

static enum rc_error give(struct ingest_copy *copy, uint32_t number,
                          struct rc_copy_record *ret_record)
{
    struct copy_part *part = &copy->part[number];
    const rd_kafka_message_t *message = part->waiting[part->at];
    enum rc_error err = copy_record_make(copy, part, message, ret_record);
    if (err)
        return err;
    copy->given = number;
    copy->begun[part->topic] = true;
    copy->quiet_ms = copy->served_ms;
    part->next = message->offset + 1;
    return RC_OK;
}

enum rc_error ingest_copy_next(struct ingest_copy *copy, int64_t timeout_ms,
                               struct rc_copy_record *ret_record, char ret_message[256])
{
    enum rc_error err = let_go(copy, ret_message);
    int64_t until_ms = 0;
    while (!err) {
        err = serve(copy, ret_message);
        uint32_t number = err ? MERGE_NOBODY : merge_pick(copy->merge, copy->part_count);
        if (!err && number == MERGE_NOBODY) {
            err = fetch(copy, ret_message);
            number = err ? MERGE_NOBODY : merge_pick(copy->merge, copy->part_count);
        }
        if (number != MERGE_NOBODY)
            return give(copy, number, ret_record);
        int64_t now_ms = steady_ms();
        if (!until_ms)
            until_ms = now_ms + timeout_ms;
        if (!err && (now_ms >= until_ms || left(copy)))
            err = RC_ERR_AGAIN;
        if (!err)
            nap(copy, until_ms - now_ms);
    }
    return err;
}

/* ---- how far it is ---- */

/* Before something of a topic is copied the group knows nothing of it; then all its partitions. */
static bool is_to_commit(const struct ingest_copy *copy, const struct copy_part *part)
{
    return part->next > part->committed && (part->committed >= 0 || copy->begun[part->topic]);
}

const struct rc_copy_offset *ingest_copy_offsets(struct ingest_copy *copy, uint32_t *ret_count)
{
    *ret_count = 0;
    for (uint32_t i = 0; i < copy->part_count; i++) {
        const struct copy_part *part = &copy->part[i];
        if (is_to_commit(copy, part))
            copy->offset[(*ret_count)++] =
                (struct rc_copy_offset){part->topic, part->partition, part->next};
    }
    return copy->offset;
}

void ingest_copy_committed(struct ingest_copy *copy)
{
    for (uint32_t i = 0; i < copy->part_count; i++)
        if (is_to_commit(copy, &copy->part[i]))
            copy->part[i].committed = copy->part[i].next;
}

int64_t ingest_copy_idle_ms(const struct ingest_copy *copy)
{
    return merge_ended(copy->merge, copy->part_count) ? steady_ms() - copy->quiet_ms : RC_TIME_NONE;
}

uint64_t ingest_copy_behind(const struct ingest_copy *copy)
{
    uint64_t behind = 0;
    for (uint32_t i = 0; i < copy->part_count; i++) {
        struct copy_part *part = &copy->part[i];
        int64_t low, high;
        if (!rd_kafka_get_watermark_offsets(copy->client.consumer, name_of(copy, part->topic),
                                            part->partition, &low, &high) &&
            high > part->end)
            part->end = high;
        behind += part->end > part->next ? (uint64_t)(part->end - part->next) : 0;
    }
    return behind;
}
