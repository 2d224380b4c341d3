/* Going on where a run before stopped: partitions begin where the snapshot's cut stands, and the
 * recorded epochs after it are made again, each from exactly the records that it had. */
#include "kafka_source.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AGAIN_MS = 200, /* Kafka did not answer, or what it says may be because it has just begun */
    PATIENCE_MS = 10000, /* … and for how long that is believed */
    SAY_MS = 5000,       /* then it is said what is waited for */
    MOMENT_MS = 50
};

/* ---- before reading ---- */

static const char *topic_of(const struct ingest_kafka *kafka, uint32_t source)
{
    return kafka->options.config->kafka.topic[source >> SOURCE_SHIFT].name;
}

static int32_t partition_of(uint32_t source)
{
    return (int32_t)(source & ((1u << SOURCE_SHIFT) - 1));
}

/* Partitions of a topic are taken up in their order, from 0; or the task's alone. */
static enum rc_error check_sources(const struct ingest_kafka *kafka,
                                   const struct recorded_part *list, uint32_t count,
                                   char ret_message[256])
{
    uint32_t topics = kafka->options.config->kafka.topic_count;
    for (uint32_t i = 0; i < count; i++) {
        bool begins =
            i == 0 || list[i].source >> SOURCE_SHIFT != list[i - 1].source >> SOURCE_SHIFT;
        uint32_t right =
            begins ? (list[i].source >> SOURCE_SHIFT << SOURCE_SHIFT) + kafka_parts_first(kafka)
                   : list[i - 1].source + 1;
        bool own = begins || !kafka->options.config->kafka.unit;
        if (list[i].source >> SOURCE_SHIFT < topics && list[i].source == right && own)
            continue;
        snprintf(ret_message, 256, "the recorded epochs name an input partition out of order");
        return RC_ERR_INPUT;
    }
    return RC_OK;
}

/* AGAIN, with a message: it may be there in a moment. */
static enum rc_error check_there(struct ingest_kafka *kafka, const struct recorded_part *list,
                                 uint32_t count, const uint32_t *there, char ret_message[256])
{
    for (uint32_t i = 0; i < count; i++) {
        if ((uint32_t)partition_of(list[i].source) < there[list[i].source >> SOURCE_SHIFT])
            continue;
        snprintf(ret_message, 256, "%s [%d], of which a run before has read, is not there any more",
                 topic_of(kafka, list[i].source), (int)partition_of(list[i].source));
        return RC_ERR_AGAIN;
    }
    return RC_OK;
}

static rd_kafka_topic_partition_list_t *list_of(const struct ingest_kafka *kafka,
                                                const struct recorded_part *list, uint32_t count)
{
    rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new((int)count);
    for (uint32_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(parts, topic_of(kafka, list[i].source),
                                          partition_of(list[i].source));
    return parts;
}

/* The input begins behind where the reading is to. OK: that is passed over. */
static enum rc_error begins_late(struct ingest_kafka *kafka, struct recorded_part *part,
                                 int64_t first_offset, char ret_message[256])
{
    snprintf(ret_message, 256,
             "the input does not reach back to where the snapshot stands: %lld records of %s [%d] "
             "are gone (it begins at offset %lld, %lld is needed)",
             (long long)(first_offset - part->first_offset), topic_of(kafka, part->source),
             (int)partition_of(part->source), (long long)first_offset,
             (long long)part->first_offset);
    if (!kafka->options.restate)
        return RC_ERR_INPUT;
    source_note(kafka, ret_message, ": it goes on without them (--restate)");
    ret_message[0] = '\0';
    part->first_offset = first_offset;
    return RC_OK;
}

/* The input reaches from where the reading begins to where the last cut stands. AGAIN: Kafka does
 * not answer; with a message: it may be so in a moment. */
static enum rc_error check_range(struct ingest_kafka *kafka, struct recorded_part *list,
                                 uint32_t count, char ret_message[256])
{
    rd_kafka_topic_partition_list_t *begin = list_of(kafka, list, count);
    rd_kafka_topic_partition_list_t *end = rd_kafka_topic_partition_list_copy(begin);
    enum rc_error err = kafka_client_offsets(&kafka->client, begin, false);
    if (!err)
        err = kafka_client_offsets(&kafka->client, end, true);
    if (err == RC_ERR_KAFKA)
        err = RC_ERR_AGAIN;
    for (uint32_t i = 0; i < count && !err; i++) {
        const rd_kafka_topic_partition_t *first = &begin->elems[i], *last = &end->elems[i];
        if (first->offset > list[i].first_offset) {
            err = begins_late(kafka, &list[i], first->offset, ret_message);
        } else if (last->offset < list[i].last_offset) {
            snprintf(
                ret_message, 256,
                "%s [%d] ends at offset %lld, but a run before has read it up to %lld: records "
                "were lost, or it is another topic of the same name",
                first->topic, (int)first->partition, (long long)last->offset,
                (long long)list[i].last_offset);
            err = RC_ERR_AGAIN;
        }
    }
    rd_kafka_topic_partition_list_destroy(begin);
    rd_kafka_topic_partition_list_destroy(end);
    return err;
}

/* Of what is fetched, only what belongs to the epoch at hand is read. */
static enum rc_error add(struct ingest_kafka *kafka, uint32_t source, int64_t offset)
{
    enum rc_error err = kafka_parts_add(kafka, source, offset, 0);
    if (err)
        return err;
    struct part *part = &kafka->part[kafka->part_count - 1];
    part->held = calloc(BATCH, sizeof *part->held);
    return part->held ? RC_OK : RC_ERR_MEMORY;
}

static enum rc_error add_all(struct ingest_kafka *kafka, const struct recorded_part *list,
                             uint32_t count)
{
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < count && !err; i++)
        err = add(kafka, list[i].source, list[i].first_offset);
    return err;
}

/* One attempt. AGAIN: Kafka does not answer; with a message: it may be so in a moment. */
static enum rc_error take_up(struct ingest_kafka *kafka, struct recorded_part *list, uint32_t count,
                             uint32_t *there, char ret_message[256])
{
    uint32_t topics = kafka->options.config->kafka.topic_count, total = 0;
    if (!kafka_parts_count(kafka, there))
        return RC_ERR_AGAIN;
    enum rc_error err = check_there(kafka, list, count, there, ret_message);
    for (uint32_t i = 0; i < topics; i++)
        total += there[i];
    if (!err && !kafka->client.consumer)
        err = kafka_client_start(&kafka->client, total, ret_message);
    for (uint32_t i = 0; i < topics && !err; i++)
        if (there[i])
            err = kafka_parts_check(kafka, i, there[i], ret_message);
    if (err)
        return err == RC_ERR_KAFKA ? RC_ERR_AGAIN : err;
    err = check_range(kafka, list, count, ret_message);
    return err ? err : add_all(kafka, list, count);
}

static void pause_for(struct ingest_kafka *kafka, int64_t pause_ms)
{
    int64_t until_ms = steady_ms() + pause_ms;
    while (steady_ms() < until_ms && !source_stopped(kafka)) {
        source_poll(kafka);
        source_nap(kafka, until_ms);
    }
}

/* END: stopped meanwhile. */
static enum rc_error wait_and_take_up(struct ingest_kafka *kafka, struct recorded_part *list,
                                      uint32_t count, char ret_message[256])
{
    uint32_t *there = calloc(kafka->options.config->kafka.topic_count + 1, sizeof *there);
    enum rc_error err = there ? RC_ERR_AGAIN : RC_ERR_MEMORY;
    int64_t begun_ms = steady_ms(), wrong_since_ms = 0;
    bool said = false;
    while (err == RC_ERR_AGAIN && !source_stopped(kafka)) {
        ret_message[0] = '\0';
        err = take_up(kafka, list, count, there, ret_message);
        if (err != RC_ERR_AGAIN)
            break;
        if (!ret_message[0] || !wrong_since_ms)
            wrong_since_ms = ret_message[0] ? steady_ms() : 0;
        else if (steady_ms() - wrong_since_ms >= PATIENCE_MS)
            err = RC_ERR_INPUT;
        /* While nothing answers at all, that was said already. */
        if (!said && !ret_message[0] && !kafka->client.failing &&
            steady_ms() - begun_ms >= SAY_MS) {
            source_note(kafka, "Kafka does not say yet where input partitions begin and end; ",
                        "it is asked again");
            said = true;
        }
        if (err == RC_ERR_AGAIN)
            pause_for(kafka, AGAIN_MS);
    }
    free(there);
    if (err == RC_ERR_AGAIN)
        ret_message[0] = '\0';
    return err == RC_ERR_AGAIN ? RC_ERR_END : err;
}

/* ---- from cut to cut ---- */

/* Everything stands where the cut says. */
static void stand_at(struct ingest_kafka *kafka, const struct rc_cut *cut)
{
    int64_t steady = steady_ms();
    for (uint32_t i = 0; i < kafka->part_count; i++) {
        const struct rc_cut_part *part = recorded_find(cut, kafka->part[i].source);
        if (!part)
            continue;
        kafka->part[i].next_offset = part->next_offset;
        watermark_restore(&kafka->watermark, i, part->largest_ms, part->idle, steady);
    }
    watermark_set_now(&kafka->watermark, cut->now_ms);
    watermark_resume(&kafka->watermark, cut->distance_ms);
    kafka->epoch = cut->epoch;
    kafka->closed_now_ms = cut->now_ms;
}

/* Partitions that the group took up meanwhile begin where their first cut says. */
static enum rc_error add_new(struct ingest_kafka *kafka, const struct rc_cut *cut,
                             char ret_message[256])
{
    enum rc_error err = RC_OK;
    if (cut->part_count && !kafka->client.consumer)
        err = kafka_client_start(&kafka->client, cut->part_count, ret_message);
    for (uint32_t i = 0, known = 0; i < cut->part_count && !err; i++) {
        const struct rc_cut_part *part = &cut->part[i];
        while (known < kafka->part_count &&
               kafka->part[kafka->by_source[known]].source < part->source)
            known++;
        if (known == kafka->part_count ||
            kafka->part[kafka->by_source[known]].source != part->source)
            err = add(kafka, part->source, part->next_offset);
    }
    return err;
}

/* The recorded epoch begins. */
static void open_recorded(struct ingest_kafka *kafka, const struct rc_cut *cut)
{
    kafka->recovery.now = cut;
    kafka->opened_ms = cut->wall_ms;
    for (uint32_t i = 0; i < kafka->part_count; i++) {
        struct reach *reach = &kafka->part[i].reach;
        const struct rc_cut_part *part = recorded_find(cut, kafka->part[i].source);
        reach->limit = part ? part->next_offset : kafka->part[i].first_offset;
    }
}

enum rc_error ingest_kafka_resume(struct ingest_kafka *kafka, const struct rc_cut *from,
                                  struct rc_cut *const *cut, uint32_t count, char ret_message[256])
{
    struct recorded_part *list;
    uint32_t list_count;
    ret_message[0] = '\0';
    RC_CHECK(!kafka->part_count && !kafka->recovery.asked);
    kafka->recovery.asked = true;
    kafka->recovery.cut = (const struct rc_cut *const *)cut;
    kafka->recovery.count = count;
    enum rc_error err = recorded_plan(from, cut, count, &list, &list_count, ret_message);
    if (err)
        return err;
    err = check_sources(kafka, list, list_count, ret_message);
    if (!err && list_count)
        err = wait_and_take_up(kafka, list, list_count, ret_message);
    free(list);
    if (err)
        return err == RC_ERR_END ? RC_OK : err;
    if (from)
        stand_at(kafka, from);
    kafka->recovery.ready = true;
    rc_gauge_set(&kafka->stats.recover_epochs, count);
    return RC_OK;
}

uint32_t ingest_kafka_recovering(const struct ingest_kafka *kafka)
{
    return (uint32_t)rc_counter_read(&kafka->stats.recover_epochs);
}

static enum rc_error close_recorded(struct ingest_kafka *kafka)
{
    struct recovery *recovery = &kafka->recovery;
    stand_at(kafka, recovery->now);
    enum rc_error err = kafka_epoch_repeat(kafka, recovery->now);
    recovery->now = NULL;
    rc_gauge_set(&kafka->stats.recover_epochs, recovery->count - recovery->at);
    return err;
}

/* Opens the next one, where there is one yet. */
static enum rc_error next_recorded(struct ingest_kafka *kafka, char ret_message[256])
{
    struct recovery *recovery = &kafka->recovery;
    const struct ingest_kafka_options *options = &kafka->options;
    const struct rc_cut *cut = NULL;
    enum rc_error err = RC_OK;
    if (recovery->at < recovery->count)
        cut = recovery->cut[recovery->at++];
    else if (recovery->asked && options->more)
        err = options->more(options->more_opaque, kafka->epoch, &cut, ret_message);
    else
        err = RC_ERR_END;
    recovery->over = err == RC_ERR_END;
    if (!err && cut)
        err = add_new(kafka, cut, ret_message);
    if (!err && cut)
        open_recorded(kafka, cut);
    return recovery->over ? RC_OK : err;
}

/* ---- reading ---- */

void kafka_recovery_drop(struct part *part)
{
    while (part->held && part->held_at < part->held_count)
        rd_kafka_message_destroy(part->held[part->held_at++]);
    free(part->held);
    part->held = NULL;
}

/* Takes the message that is held in front. */
static enum rc_error take_held(struct ingest_kafka *kafka, uint32_t number, int64_t steady)
{
    struct part *part = &kafka->part[number];
    rd_kafka_message_t *message = part->held[part->held_at++];
    enum rc_error err = kafka_take_message(kafka, number, message, steady);
    rd_kafka_message_destroy(message);
    return err;
}

/* The message in front is of the epoch: it is taken, or means nothing to it. false: held back. */
static bool may_go(struct reach *reach, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return reach_end(reach, message->offset);
    return message->err || reach_message(reach, message->offset);
}

static enum rc_error read_recorded(struct ingest_kafka *kafka, uint32_t number, bool *ret_some)
{
    struct part *part = &kafka->part[number];
    enum rc_error err = RC_OK;
    if (part->held_at == part->held_count) {
        ssize_t count = rd_kafka_consume_batch_queue(part->queue, 0, part->held, BATCH);
        part->held_at = 0;
        part->held_count = count > 0 ? (uint32_t)count : 0;
    }
    int64_t steady = steady_ms();
    while (!err && part->held_at < part->held_count && !reach_done(&part->reach)) {
        const rd_kafka_message_t *message = part->held[part->held_at];
        *ret_some = true;
        if (!may_go(&part->reach, message))
            break;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            rd_kafka_message_destroy(part->held[part->held_at++]);
            continue;
        }
        rc_count(&kafka->stats.replayed, !message->err);
        err = take_held(kafka, number, steady);
    }
    return err;
}

enum rc_error kafka_recovery_release(struct ingest_kafka *kafka, uint32_t number, int64_t steady)
{
    struct part *part = &kafka->part[number];
    enum rc_error err = RC_OK;
    while (!err && part->held_at < part->held_count)
        err = take_held(kafka, number, steady);
    if (!err)
        kafka_recovery_drop(part);
    return err;
}

static enum rc_error read_on(struct ingest_kafka *kafka)
{
    bool some = false, all = true;
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < kafka->part_count && !err; i++) {
        if (!reach_done(&kafka->part[i].reach))
            err = read_recorded(kafka, i, &some);
        all &= reach_done(&kafka->part[i].reach);
    }
    if (!err && all)
        return close_recorded(kafka);
    if (!err && !some)
        source_nap(kafka, steady_ms() + MOMENT_MS);
    return err;
}

enum rc_error kafka_recovery_run(struct ingest_kafka *kafka, char ret_message[256])
{
    enum rc_error err = RC_OK;
    ret_message[0] = '\0';
    while (!err && !kafka->recovery.over && !source_stopped(kafka)) {
        err = source_poll(kafka);
        if (!err && !kafka->recovery.now) {
            ingest_route_flush(&kafka->route);
            err = next_recorded(kafka, ret_message);
        } else if (!err) {
            err = read_on(kafka);
        }
    }
    return err;
}
