/* The ceiling: reads a topic from start to end and counts bytes. The control, in the same run, of
 * every figure of throughput.
 *
 *   noop_consumer [-b BOOTSTRAP] [-m callback|batch|poll] [-X key=value]... TOPIC
 *
 * Prints one line: messages, bytes, seconds (first to last message), messages/s, CPU ns per message
 * of the whole process and of the application thread. CPU counts from just before the assignment,
 * so that connecting is out and every fetch is in.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t messages, bytes;
static int ends, parts;
static double first, last;

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static double cpu_s(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
static void take(const rd_kafka_message_t *m)
{
    if (m->err) {
        if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            fprintf(stderr, "%s\n", rd_kafka_message_errstr(m));
        else if (++ends == parts)
            last = clock_s(CLOCK_MONOTONIC);
        return;
    }
    if (!messages++)
        first = clock_s(CLOCK_MONOTONIC);
    bytes += (int64_t)m->len;
}
static void on_message(rd_kafka_message_t *m, void *opaque)
{
    (void)opaque;
    take(m);
}

int main(int argc, char **argv)
{
    const char *kv[64][2] = {{"bootstrap.servers", "127.0.0.1:19092"},
                             {"group.id", "noop"},
                             {"enable.auto.commit", "false"},
                             {"enable.partition.eof", "true"},
                             {"check.crcs", "true"},
                             {"queued.min.messages", "1000000"},
                             {"queued.max.messages.kbytes", "262144"},
                             {"fetch.wait.max.ms", "50"},
                             {"socket.nagle.disable", "true"}};
    int n_kv = 9, o;
    const char *mode = "callback";
    while ((o = getopt(argc, argv, "b:m:X:")) != -1)
        if (o == 'b')
            kv[0][1] = optarg;
        else if (o == 'm')
            mode = optarg;
        else if (o == 'X' && strchr(optarg, '=') && n_kv < 64) {
            *strchr(optarg, '=') = 0;
            kv[n_kv][0] = optarg, kv[n_kv++][1] = optarg + strlen(optarg) + 1;
        } else
            return 2;
    if (optind >= argc)
        return 2;
    const char *topic = argv[optind];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char err[256];
    for (int i = 0; i < n_kv; i++)
        if (rd_kafka_conf_set(conf, kv[i][0], kv[i][1], err, sizeof err))
            return fprintf(stderr, "%s\n", err), 2;
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof err);
    if (!rk)
        return fprintf(stderr, "%s\n", err), 2;
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    const struct rd_kafka_metadata *md;
    if (rd_kafka_metadata(rk, 0, rkt, &md, 10000) || md->topics[0].err)
        return fprintf(stderr, "no topic %s\n", topic), 2;
    parts = md->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(md);
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(parts);
    for (int i = 0; i < parts; i++)
        rd_kafka_topic_partition_list_add(l, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    double cpu = cpu_s(), app = clock_s(CLOCK_THREAD_CPUTIME_ID);
    rd_kafka_assign(rk, l);
    rd_kafka_queue_t *q = rd_kafka_queue_get_consumer(rk);
    static rd_kafka_message_t *batch[1000];
    while (ends < parts) {
        if (*mode == 'c')
            rd_kafka_consume_callback_queue(q, 100, on_message, NULL);
        else if (*mode == 'b') {
            ssize_t n = rd_kafka_consume_batch_queue(q, 100, batch, 1000);
            for (ssize_t i = 0; i < n; i++)
                take(batch[i]), rd_kafka_message_destroy(batch[i]);
        } else {
            rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
            if (m)
                take(m), rd_kafka_message_destroy(m);
        }
    }
    cpu = cpu_s() - cpu, app = clock_s(CLOCK_THREAD_CPUTIME_ID) - app;
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    printf("%s %s messages %lld bytes %lld seconds %.3f msg_per_s %.0f cpu_ns %.0f app_ns %.0f "
           "peak_kb %ld\n",
           topic, mode, (long long)messages, (long long)bytes, last - first,
           (double)messages / (last - first), cpu * 1e9 / (double)messages,
           app * 1e9 / (double)messages, r.ru_maxrss);
    fflush(stdout);
    _exit(0);
}
