/* `rollcall feed`: recorded events into Kafka. */
#include "commands.h"
#include "config_load.h"
#include "exit.h"
#include "feed_kafka.h"
#include "feed_lines.h"
#include "feed_places.h"
#include "feed_scan.h"
#include "kafka_words.h"
#include "terminal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage_text[] =
    "usage: rollcall feed [OPTION...] CONFIG FILE...\n"
    "\n"
    "Puts recorded events (NDJSON, plain or .zst; - is standard input) into the input topics of\n"
    "CONFIG, one file after the other, as fast as it goes. An event goes to the topic of its\n"
    "channel; without one, to that of its contact's earlier events, else to the first that takes\n"
    "any. Topics that are missing are made. Lines are sent as they are, good or bad.\n"
    "\n"
    "  --rate N            at most so many events a second\n"
    "  --speed X           at X times the recorded pace, by the events' times (60, 0.5)\n"
    "  --key client|contact  the Kafka key; default client\n"
    "  --shift-to-now      move all times so that the recording ends now (files are read twice)\n"
    "  --tick end|TIME     in the end a tick into every partition, so that time comes to TIME;\n"
    "                      end: just far enough that the last event counts\n"
    "  --partitions N      of topics that are made; default 8\n"
    "  --timeout SECONDS   give up when Kafka takes nothing for so long; default 30\n"
    "  --quiet             no progress and no summary\n"
    "  --help\n";

enum { POLL_EVERY = 512, PROGRESS_MS = 200, TICK_NONE = 0, TICK_END = 1, TICK_TIME = 2 };

struct feed {
    const char *config_path;
    char **path;
    int path_count;
    uint64_t rate, partitions, timeout_s;
    double speed;
    bool by_contact, shift, quiet, help;
    int tick;
    int64_t tick_ms;
    struct config_loaded *loaded;
    const struct rc_config *config;
    struct kafka_words words;
    struct kafka_speaker speaker;
    struct feed_kafka *kafka;
    struct feed_places places;
    char *room; /* a line with its times moved */
    size_t room_size;
    int64_t shift_ms, first_ms, last_ms; /* event times as sent; RC_TIME_NONE before the first */
    int64_t begun_ms, shown_ms;
    uint64_t sent, bytes, unreadable, nowhere, too_large;
};

static int64_t clock_now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- arguments ---- */

static bool wrong(const char *what, const char *found)
{
    fprintf(stderr, "rollcall feed: %s", what);
    if (found)
        fprintf(stderr, ": \"%.80s\"", found);
    fprintf(stderr, "; see rollcall feed --help\n");
    return false;
}

static bool parse_speed(struct feed *feed, const char *text)
{
    char *end;
    feed->speed = strtod(text, &end);
    return (end != text && !*end && feed->speed > 0 && feed->speed <= 1e9) ||
           wrong("--speed takes a number above 0", text);
}

static bool parse_tick(struct feed *feed, const char *text)
{
    feed->tick = strcmp(text, "end") ? TICK_TIME : TICK_END;
    return feed->tick == TICK_END || terminal_parse_time(text, &feed->tick_ms) ||
           wrong("--tick takes \"end\" or a time", text);
}

static bool parse_option(struct feed *feed, int option)
{
    switch (option) {
    case 'r':
        return terminal_parse_count(optarg, 1, 1000000000, &feed->rate) ||
               wrong("--rate takes a number from 1", optarg);
    case 's':
        return parse_speed(feed, optarg);
    case 'k':
        feed->by_contact = strcmp(optarg, "contact") == 0;
        return feed->by_contact || !strcmp(optarg, "client") ||
               wrong("--key takes client or contact", optarg);
    case 'n':
        feed->shift = true;
        return true;
    case 't':
        return parse_tick(feed, optarg);
    case 'p':
        return terminal_parse_count(optarg, 1, 10000, &feed->partitions) ||
               wrong("--partitions takes a number from 1 to 10000", optarg);
    case 'w':
        return terminal_parse_count(optarg, 1, 86400, &feed->timeout_s) ||
               wrong("--timeout takes seconds, from 1", optarg);
    case 'q':
        feed->quiet = true;
        return true;
    case 'h':
        feed->help = true;
        return true;
    default:
        return wrong("unknown option or missing value", NULL);
    }
}

static bool parse(struct feed *feed, int argc, char **argv)
{
    static const struct option options[] = {
        {"rate", required_argument, NULL, 'r'},    {"speed", required_argument, NULL, 's'},
        {"key", required_argument, NULL, 'k'},     {"shift-to-now", no_argument, NULL, 'n'},
        {"tick", required_argument, NULL, 't'},    {"partitions", required_argument, NULL, 'p'},
        {"timeout", required_argument, NULL, 'w'}, {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int option;
    optind = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!parse_option(feed, option) || feed->help)
            return feed->help;
    if (argc - optind < 2)
        return wrong("a configuration file and at least one file of events are needed", NULL);
    feed->config_path = argv[optind];
    feed->path = argv + optind + 1;
    feed->path_count = argc - optind - 1;
    for (int i = 0; i < feed->path_count; i++)
        if (feed->shift && !strcmp(feed->path[i], "-"))
            return wrong("--shift-to-now reads twice, which standard input cannot", NULL);
    return true;
}

/* ---- pace and progress ---- */

static void show_progress(struct feed *feed, const struct feed_lines *lines)
{
    char text[256], count[TERMINAL_TEXT_MAX], rate[TERMINAL_TEXT_MAX];
    uint64_t read, total;
    int64_t now_ms = clock_now_ms(CLOCK_MONOTONIC);
    if (feed->quiet || !terminal_is(2) || now_ms - feed->shown_ms < PROGRESS_MS)
        return;
    double seconds = (double)(now_ms - feed->begun_ms + 1) / 1000;
    feed->shown_ms = now_ms;
    feed_lines_progress(lines, &read, &total);
    int at = snprintf(text, sizeof text, "feed: %s events, %s/s", terminal_count(feed->sent, count),
                      terminal_rate((double)feed->sent / seconds, rate));
    if (total)
        snprintf(text + at, sizeof text - (size_t)at, ", %u %% of the file",
                 (unsigned)(100 * read / total));
    terminal_progress(text);
}

/* Waits until the event is due; time_ms RC_TIME_NONE: it has no time. */
static void pace(struct feed *feed, int64_t time_ms)
{
    int64_t due_ms = feed->begun_ms;
    if (feed->rate)
        due_ms += (int64_t)((double)feed->sent * 1000 / (double)feed->rate);
    if (feed->speed > 0 && time_ms != RC_TIME_NONE) {
        int64_t by_time_ms =
            feed->begun_ms + (int64_t)((double)(time_ms - feed->first_ms) / feed->speed);
        due_ms = by_time_ms > due_ms ? by_time_ms : due_ms;
    }
    for (;;) {
        int64_t left_ms = due_ms - clock_now_ms(CLOCK_MONOTONIC);
        if (left_ms <= 0)
            break;
        feed_kafka_serve(feed->kafka, (int)(left_ms < 100 ? left_ms : 100));
    }
    if (feed->sent % POLL_EVERY == 0)
        feed_kafka_serve(feed->kafka, 0);
}

/* ---- events ---- */

static const char *shifted(struct feed *feed, const struct feed_words *words, const char *line,
                           size_t *size)
{
    if (!feed->shift)
        return line;
    if (*size + 256 > feed->room_size) {
        char *room = realloc(feed->room, 2 * (*size + 256));
        if (!room)
            return line;
        feed->room = room;
        feed->room_size = 2 * (*size + 256);
    }
    size_t moved = feed_shift(line, *size, words, feed->shift_ms, feed->room, feed->room_size);
    if (!moved)
        return line;
    *size = moved;
    return feed->room;
}

static enum rc_error send_line(struct feed *feed, const char *line, size_t size)
{
    char client[256], contact[512], channel[32];
    struct feed_words words;
    int64_t time_ms = RC_TIME_NONE;
    bool object = feed_scan(line, size, &words);
    feed->unreadable += !object;
    if (!object)
        memset(&words, 0, sizeof words);
    size_t client_size = feed_text(line, words.client, client, sizeof client);
    size_t contact_size = feed_text(line, words.contact, contact, sizeof contact);
    size_t channel_size = feed_text(line, words.channel, channel, sizeof channel);
    uint32_t topic = feed_places_find(&feed->places, channel, channel_size, client, client_size,
                                      contact, contact_size);
    if (topic == FEED_NOWHERE && !object)
        topic = 0; /* refused wherever it is read */
    if (topic == FEED_NOWHERE) {
        feed->nowhere++;
        return RC_OK;
    }
    if (feed_time(line, words.time.size ? words.time : words.envelope_time, &time_ms)) {
        time_ms += feed->shift_ms;
        if (feed->first_ms == RC_TIME_NONE)
            feed->first_ms = time_ms;
        if (feed->last_ms == RC_TIME_NONE || time_ms > feed->last_ms)
            feed->last_ms = time_ms;
    }
    pace(feed, time_ms);
    const char *value = shifted(feed, &words, line, &size);
    const char *key = feed->by_contact ? contact : client;
    size_t key_size = feed->by_contact ? contact_size : client_size;
    enum rc_error err =
        feed_kafka_send(feed->kafka, topic, -1, key_size ? key : NULL, key_size, value, size);
    if (err == RC_ERR_LIMIT) {
        feed->too_large++;
        return RC_OK;
    }
    feed->sent += !err;
    feed->bytes += size;
    return err;
}

static enum rc_error each_line(struct feed *feed, const char *path,
                               enum rc_error (*take)(struct feed *, const char *, size_t),
                               char ret_message[256])
{
    struct feed_lines *lines;
    enum rc_error err = feed_lines_open(path, &lines, ret_message);
    char *line;
    size_t size;
    if (err)
        return err;
    while (!err && !(err = feed_lines_next(lines, &line, &size, ret_message))) {
        line[size] = '\0';
        if (strspn(line, " \t\r") == size)
            continue; /* blank */
        err = take(feed, line, size);
        if (feed->sent % POLL_EVERY == 0)
            show_progress(feed, lines);
    }
    feed_lines_close(lines);
    return err == RC_ERR_END ? RC_OK : err;
}

/* First reading of --shift-to-now: when does the recording end? */
static enum rc_error look_at_time(struct feed *feed, const char *line, size_t size)
{
    struct feed_words words;
    int64_t time_ms;
    if (feed_scan(line, size, &words) &&
        feed_time(line, words.time.size ? words.time : words.envelope_time, &time_ms) &&
        time_ms >= RC_TIME_FIRST && time_ms < RC_TIME_LAST &&
        (feed->last_ms == RC_TIME_NONE || time_ms > feed->last_ms))
        feed->last_ms = time_ms;
    return RC_OK;
}

static enum rc_error find_shift(struct feed *feed, char ret_message[256])
{
    enum rc_error err = RC_OK;
    for (int i = 0; i < feed->path_count && !err; i++)
        err = each_line(feed, feed->path[i], look_at_time, ret_message);
    if (!err && feed->last_ms != RC_TIME_NONE)
        feed->shift_ms = clock_now_ms(CLOCK_REALTIME) - feed->last_ms;
    feed->last_ms = RC_TIME_NONE;
    return err;
}

static enum rc_error send_ticks(struct feed *feed)
{
    char text[128];
    int64_t at_ms = feed->tick_ms;
    if (feed->tick == TICK_END)
        at_ms = feed->last_ms + feed->config->time.max_disorder_ms + 1;
    if (feed->tick == TICK_NONE || (feed->tick == TICK_END && feed->last_ms == RC_TIME_NONE))
        return RC_OK;
    size_t size =
        (size_t)snprintf(text, sizeof text, "{\"type\":\"tick\",\"time\":%lld}", (long long)at_ms);
    enum rc_error err = RC_OK;
    for (uint32_t topic = 0; topic < feed->config->kafka.topic_count; topic++)
        for (uint32_t p = 0; p < feed_kafka_partitions(feed->kafka, topic) && !err; p++)
            err = feed_kafka_send(feed->kafka, topic, (int32_t)p, NULL, 0, text, size);
    return err;
}

static enum rc_error send_all(struct feed *feed, char ret_message[256])
{
    enum rc_error err = feed->shift ? find_shift(feed, ret_message) : RC_OK;
    feed->begun_ms = clock_now_ms(CLOCK_MONOTONIC);
    for (int i = 0; i < feed->path_count && !err; i++)
        err = each_line(feed, feed->path[i], send_line, ret_message);
    if (!err) /* or what has to be sent again would come after the tick */
        err = feed_kafka_flush(feed->kafka, ret_message);
    if (!err)
        err = send_ticks(feed);
    if (!err || err == RC_ERR_KAFKA)
        err = feed_kafka_flush(feed->kafka, ret_message);
    terminal_progress("");
    return err;
}

/* ---- the command ---- */

static void print(void *opaque, const char *line)
{
    (void)opaque;
    terminal_progress("");
    fprintf(stderr, "rollcall feed: %s\n", line);
}

static void print_summary(struct feed *feed)
{
    char count[TERMINAL_TEXT_MAX], rate[TERMINAL_TEXT_MAX], took[TERMINAL_TEXT_MAX],
        first[TERMINAL_TEXT_MAX], last[TERMINAL_TEXT_MAX];
    int64_t took_ms = clock_now_ms(CLOCK_MONOTONIC) - feed->begun_ms;
    fprintf(stderr, "fed %s events in %s, %s/s; event time %s to %s\n",
            terminal_count(feed->sent, count), terminal_duration(took_ms, took),
            terminal_rate((double)feed->sent * 1000 / (double)(took_ms + 1), rate),
            terminal_time(feed->first_ms, first), terminal_time(feed->last_ms, last));
    if (feed->unreadable)
        fprintf(stderr, "%s lines are no JSON objects; sent as they are\n",
                terminal_count(feed->unreadable, count));
    if (feed_kafka_again(feed->kafka))
        fprintf(stderr, "%s of them were sent twice: Kafka was not clear about the first time\n",
                terminal_count(feed_kafka_again(feed->kafka), count));
    if (feed->too_large)
        fprintf(stderr, "%s lines are too large for Kafka: not sent\n",
                terminal_count(feed->too_large, count));
    if (feed->nowhere)
        fprintf(stderr,
                "%s events have no channel, and no topic takes any: not sent (kafka.topics)\n",
                terminal_count(feed->nowhere, count));
}

static enum rc_error open_kafka(struct feed *feed, char ret_message[256])
{
    struct feed_kafka_options options = {.config = feed->config,
                                         .partitions = (uint32_t)feed->partitions,
                                         .timeout_ms = (int64_t)feed->timeout_s * 1000,
                                         .say = kafka_words_say,
                                         .opaque = &feed->speaker};
    kafka_words_init(&feed->words, &feed->config->kafka, print, feed);
    feed->speaker = (struct kafka_speaker){&feed->words, 1};
    enum rc_error err = feed_places_init(&feed->places, &feed->config->kafka);
    if (!err)
        err = feed_kafka_open(&options, &feed->kafka, ret_message);
    return err ? err : feed_kafka_topics(feed->kafka, ret_message);
}

int cmd_feed(int argc, char **argv)
{
    struct feed feed = {
        .partitions = 8, .timeout_s = 30, .first_ms = RC_TIME_NONE, .last_ms = RC_TIME_NONE};
    char message[256] = "";
    if (!parse(&feed, argc, argv))
        return EXIT_WRONG_USE;
    if (feed.help) {
        fputs(usage_text, stdout);
        return EXIT_DONE;
    }
    enum rc_error err = config_load("rollcall feed", feed.config_path, stderr, &feed.loaded);
    if (err)
        return exit_code_of(err);
    feed.config = feed.loaded->config;
    err = open_kafka(&feed, message);
    if (!err)
        err = send_all(&feed, message);
    if (err)
        fprintf(stderr, "rollcall feed: %s\n", message[0] ? message : rc_error_text(err));
    if (feed.begun_ms && !feed.quiet)
        print_summary(&feed);
    feed_kafka_close(feed.kafka);
    feed_places_done(&feed.places);
    kafka_words_done(&feed.words);
    free(feed.room);
    config_free(feed.loaded);
    return err ? exit_code_of(err) : feed.nowhere || feed.too_large ? EXIT_REFUSED : EXIT_DONE;
}
