/* How fresh records are: events at a steady rate, with the time at which they are sent, and how
 * long after the arrival of the event that made a record possible it can be read.
 *
 *   paced [-b BOOTSTRAP] [-r EVENTS-A-SECOND] [-t SECONDS] [-w SECONDS] [-p PARTITIONS]
 *         [-d DISORDER-MS] INPUT OUTPUT
 *
 * INPUT must have message.timestamp.type=LogAppendTime: then a delivery report says when an event
 * arrived. For a record with as_of_ms T that is the first instant at which every partition had one
 * of T + DISORDER or later. OUTPUT is read with read_committed while the events flow; what comes in
 * the first -w seconds does not count. */
#include "paced_contacts.h"
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PARTS_MAX = 64, SETTLE_S = 3, WHEEL = 1 << 17 };

struct step {
    int64_t time_ms, arrival_ms;
};
/* What a partition's largest time was, and since when. */
struct part {
    struct step *step;
    size_t count, room;
};
struct sample {
    int64_t as_of_ms, read_ms;
};
struct reader {
    rd_kafka_t *rk;
    pthread_t thread;
    _Atomic bool ready, stop;
    struct sample *sample;
    size_t count, room;
};

static struct part part[PARTS_MAX];
static int64_t errors, delivered_count;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "paced: %s: %s\n", what, why);
    exit(1);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *grown(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    *room = *room ? 2 * *room : 4096;
    list = realloc(list, *room * size);
    if (!list)
        die("memory", "none");
    return list;
}

/* ---- sending ---- */

static void send_event(rd_kafka_t *rk, const char *topic, int parts, const struct contact *x,
                       int64_t time_ms)
{
    char value[512], key[64];
    int size = write_event(x, time_ms, value), key_size = write_key(x, key);
    rd_kafka_resp_err_t code;
    while ((code = rd_kafka_producev(
                rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(x->key % parts),
                RD_KAFKA_V_KEY(key, (size_t)key_size), RD_KAFKA_V_VALUE(value, (size_t)size),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_OPAQUE((void *)(intptr_t)time_ms), RD_KAFKA_V_END)) ==
           RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(rk, 10);
    if (code)
        die(topic, rd_kafka_err2str(code));
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    rd_kafka_timestamp_type_t type;
    (void)rk, (void)opaque;
    errors += m->err != 0;
    delivered_count++;
    if (m->err)
        return;
    struct step now = {(int64_t)(intptr_t)m->_private, rd_kafka_message_timestamp(m, &type)};
    if (type != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME)
        die("the input topic", "its message.timestamp.type is not LogAppendTime");
    struct part *p = &part[m->partition];
    struct step *last = p->count ? &p->step[p->count - 1] : NULL;
    if (last && last->time_ms >= now.time_ms)
        return;
    if (last && last->arrival_ms == now.arrival_ms) {
        last->time_ms = now.time_ms;
        return;
    }
    p->step = grown(p->step, p->count, &p->room, sizeof *p->step);
    p->step[p->count++] = now;
}

static rd_kafka_t *open_handle(rd_kafka_type_t type, const char *const (*list)[2], size_t count,
                               const char *bootstrap)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool bad = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, reason, sizeof reason);
    for (size_t i = 0; i < count && !bad; i++)
        bad = rd_kafka_conf_set(conf, list[i][0], list[i][1], reason, sizeof reason);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *rk = bad ? NULL : rd_kafka_new(type, conf, reason, sizeof reason);
    if (!rk)
        die("librdkafka", reason);
    return rk;
}

/* What is due at each ms of the next two minutes. A late slot is gone through all the same. */
static struct contact *wheel[WHEEL];

static void put_off(struct contact *contact, int64_t now_ms)
{
    int64_t after_ms;
    if (!go_on(contact, &after_ms)) {
        free(contact);
        return;
    }
    if (after_ms >= WHEEL)
        after_ms = WHEEL - 1;
    struct contact **slot = &wheel[(now_ms + after_ms) & (WHEEL - 1)];
    contact->next = *slot;
    *slot = contact;
}

/* Every contact that is due, and so many new ones that the rate is kept. Returns how late the last
 * slot was. */
static int64_t produce(rd_kafka_t *rk, const char *topic, int parts, double rate, int seconds)
{
    struct contact *due = NULL;
    uint32_t number = (uint32_t)(wall_ms() / 1000 % 4096) << 20; /* others than before */
    int64_t begun_ms = wall_ms(), sent = 0, late_ms = 0;
    for (int64_t slot = 0; slot < (int64_t)seconds * 1000; slot++) {
        while (wall_ms() - begun_ms < slot)
            rd_kafka_poll(rk, 1);
        rd_kafka_poll(rk, 0);
        int64_t now_ms = begun_ms + slot;
        late_ms = wall_ms() - now_ms;
        for (struct contact *x = wheel[now_ms & (WHEEL - 1)], *after; x; x = after) {
            after = x->next;
            x->next = due;
            due = x;
        }
        wheel[now_ms & (WHEEL - 1)] = NULL;
        for (; sent < (int64_t)(rate / 1000 * (double)(slot + 1)); sent++) {
            struct contact *x = due;
            if (x)
                due = x->next;
            else if (!(x = malloc(sizeof *x)))
                die("memory", "none");
            else
                begin(x, number++);
            send_event(rk, topic, parts, x, now_ms);
            put_off(x, now_ms);
        }
    }
    return late_ms;
}

/* ---- reading ---- */

static void take_record(struct reader *reader, const rd_kafka_message_t *m)
{
    static const char field[] = "\"as_of_ms\":";
    char head[512] = "";
    if (m->err || !m->payload)
        return;
    memcpy(head, m->payload, m->len < sizeof head ? m->len : sizeof head - 1);
    const char *at = strstr(head, field);
    if (!at)
        return;
    reader->sample = grown(reader->sample, reader->count, &reader->room, sizeof *reader->sample);
    reader->sample[reader->count++] =
        (struct sample){strtoll(at + sizeof field - 1, NULL, 10), wall_ms()};
}

static void *read_output(void *opaque)
{
    struct reader *reader = opaque;
    while (!atomic_load_explicit(&reader->stop, memory_order_acquire)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(reader->rk, 50);
        if (!m)
            continue;
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            atomic_store_explicit(&reader->ready, true, memory_order_release);
        take_record(reader, m);
        rd_kafka_message_destroy(m);
    }
    return NULL;
}

static void open_reader(struct reader *reader, const char *bootstrap, const char *topic)
{
    static const char *const list[][2] = {
        {"group.id", "paced"},           {"isolation.level", "read_committed"},
        {"enable.auto.commit", "false"}, {"enable.partition.eof", "true"},
        {"fetch.wait.max.ms", "50"},     {"socket.nagle.disable", "true"}};
    reader->rk = open_handle(RD_KAFKA_CONSUMER, list, sizeof list / sizeof *list, bootstrap);
    rd_kafka_poll_set_consumer(reader->rk);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(reader->rk, topic, NULL);
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t code = rd_kafka_metadata(reader->rk, 0, rkt, &md, 10000);
    if (code || md->topics[0].err)
        die(topic, "the output topic is not there");
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(16);
    for (int i = 0; i < md->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_assign(reader->rk, all);
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_metadata_destroy(md);
    rd_kafka_topic_destroy(rkt);
    pthread_create(&reader->thread, NULL, read_output, reader);
    while (!atomic_load_explicit(&reader->ready, memory_order_acquire))
        usleep(10000);
}

/* ---- what it comes to ---- */

/* When the partition had an event of that time or later; INT64_MAX: never. */
static int64_t reached(const struct part *p, int64_t time_ms)
{
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (p->step[middle].time_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low < p->count ? p->step[low].arrival_ms : INT64_MAX;
}

static int by_size(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void report(struct reader *reader, int parts, int64_t from_ms, int64_t disorder_ms)
{
    int64_t *fresh = malloc((reader->count + 1) * sizeof *fresh);
    size_t count = 0;
    if (!fresh)
        die("memory", "none");
    for (size_t i = 0; i < reader->count; i++) {
        int64_t arrival_ms = 0, as_of_ms = reader->sample[i].as_of_ms;
        for (int j = 0; j < parts; j++) {
            int64_t at_ms = reached(&part[j], as_of_ms + disorder_ms);
            arrival_ms = at_ms > arrival_ms ? at_ms : arrival_ms;
        }
        if (as_of_ms >= from_ms && arrival_ms != INT64_MAX)
            fresh[count++] = reader->sample[i].read_ms - arrival_ms;
    }
    if (!count)
        die("the output topic", "no record came in time");
    qsort(fresh, count, sizeof *fresh, by_size);
    printf("records %zu p50_ms %lld p99_ms %lld max_ms %lld\n", count, (long long)fresh[count / 2],
           (long long)fresh[count * 99 / 100], (long long)fresh[count - 1]);
    free(fresh);
}

int main(int argc, char **argv)
{
    static const char *const producer[][2] = {{"compression.type", "lz4"},
                                              {"enable.idempotence", "true"},
                                              {"linger.ms", "2"},
                                              {"batch.num.messages", "10000"},
                                              {"socket.nagle.disable", "true"},
                                              {"queue.buffering.max.messages", "2000000"}};
    const char *bootstrap = "127.0.0.1:19092";
    double rate = 1000;
    int seconds = 60, warm = 15, parts = 16, o;
    int64_t disorder_ms = 1000;
    while ((o = getopt(argc, argv, "b:r:t:w:p:d:")) != -1)
        switch (o) {
        case 'b':
            bootstrap = optarg;
            break;
        case 'r':
            rate = strtod(optarg, NULL);
            break;
        case 't':
            seconds = (int)strtol(optarg, NULL, 10);
            break;
        case 'w':
            warm = (int)strtol(optarg, NULL, 10);
            break;
        case 'p':
            parts = (int)strtol(optarg, NULL, 10);
            break;
        case 'd':
            disorder_ms = strtoll(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    if (optind + 2 != argc || parts < 1 || parts > PARTS_MAX || rate <= 0 || seconds <= warm)
        return 2;
    struct reader reader = {0};
    open_reader(&reader, bootstrap, argv[optind + 1]);
    rd_kafka_t *rk =
        open_handle(RD_KAFKA_PRODUCER, producer, sizeof producer / sizeof *producer, bootstrap);
    int64_t from_ms = wall_ms() + (int64_t)warm * 1000;
    int64_t late_ms = produce(rk, argv[optind], parts, rate, seconds);
    rd_kafka_flush(rk, 30000);
    sleep(SETTLE_S);
    atomic_store_explicit(&reader.stop, true, memory_order_release);
    pthread_join(reader.thread, NULL);
    printf("sent %lld errors %lld seconds %.1f late_ms %lld ", (long long)delivered_count,
           (long long)errors, (double)(wall_ms() - from_ms) / 1000 + warm - SETTLE_S,
           (long long)late_ms);
    report(&reader, parts, from_ms, disorder_ms);
    rd_kafka_destroy(rk);
    rd_kafka_destroy(reader.rk);
    return errors != 0;
}
