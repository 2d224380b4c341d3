/* What the core costs under one configuration: order, state, windows and records of the events of a
 * file, decoded beforehand in pieces, in one thread. bench/features runs it again and again with
 * one feature more or less, and reads its one line:
 *
 *   NS_AN_EVENT EVENTS RECORDS of contacts: RECORDS of clocks: RECORDS bytes: STATE
 *
 *   bench_features [--contacts] [--provisional] [--alone] [--coarse] CONFIG FILE
 *
 *   --contacts     make records of contacts
 *   --provisional  and records of intervals that are still open
 *   --alone        take customers and conversations off: nothing has to do with anything else
 *   --coarse       rolling windows are looked at once in their length
 *
 * Everything that is measured happens in core_step, so that a profiler can count it alone. It is
 * built in the tree of another commit, too (bench/features --against), so it asks little of it. */
#include "bench_load.h"
#include "config_load.h"
#include "rollcall/aggregate.h"
#include <inttypes.h>

enum { PIECE = 512, MARK_EVERY = 8192, LINE_MAX = 4096 };

struct wish { /* of the command line */
    bool contacts, provisional, alone, coarse;
    const char *config, *events;
};

struct counted {
    uint64_t all, contacts, clocks;
};

struct piece {
    const struct rc_event *event[PIECE];
    uint32_t count;
};

static void count_record(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    struct counted *counted = opaque;
    const struct rc_record *record = message;
    (void)size;
    if (kind != RC_MESSAGE_RECORD)
        return;
    counted->all++;
    counted->contacts += record->topic == RC_TOPIC_CONTACTS;
    counted->clocks += record->topic == RC_TOPIC_SLAS;
}

/* ---- events ---- */

static struct load lines_read(const char *path)
{
    struct load load = {0};
    FILE *file = fopen(path, "rb");
    load_check(file && fseek(file, 0, SEEK_END) == 0, "the events cannot be read");
    load.bytes = (uint64_t)ftell(file);
    rewind(file);
    load.text = calloc(1, load.bytes + INGEST_PADDING);
    load_check(load.text && fread(load.text, 1, load.bytes, file) == load.bytes, "no events");
    fclose(file);
    for (uint64_t at = 0; at < load.bytes; at++)
        load.room += load.text[at] == '\n';
    load.line = malloc((load.room + 1) * sizeof *load.line);
    load_check(load.line && load.room > 0, "no events");
    for (uint64_t at = 0; load.count < load.room; load.count++) {
        const char *end = memchr(load.text + at, '\n', load.bytes - at);
        uint64_t size = (uint64_t)(end - load.text) - at;
        load_check(size <= LINE_MAX, "a line too long");
        load.line[load.count] = (struct load_line){at, (uint32_t)size};
        at += size + 1;
    }
    return load;
}

/* As if the customer was not known, and the contact belonged to no conversation. */
static void make_alone(struct rc_event *ev)
{
    char *conversation = ev->text + ev->client_size + ev->queue_size + ev->contact_size;
    ev->flags &= (uint8_t)~RC_EVENT_CUSTOMER;
    memmove(conversation, conversation + ev->conversation_size,
            (size_t)ev->agent_size + ev->priority_size);
    ev->conversation_size = 0;
}

static void piece_fill(struct piece *piece, const struct load *load, uint64_t from, int64_t now_ms,
                       struct ingest_decoder *decoder, const struct wish *wish)
{
    static union load_event room[PIECE];
    for (piece->count = 0; piece->count < PIECE && from < load->count; piece->count++, from++) {
        union load_event *place = &room[piece->count];
        piece->event[piece->count] = load_decode(load, from, decoder, now_ms, place);
        if (wish->alone)
            make_alone(&place->ingest.ev);
    }
}

/* ---- what is measured ---- */

__attribute__((noinline, noclone)) static void core_step(struct agg *agg, const struct piece *piece,
                                                         const struct rc_mark *mark)
{
    for (uint32_t i = 0; i < piece->count; i++)
        agg_take(agg, piece->event[i]);
    if (mark)
        agg_mark(agg, mark);
}

static void run(const struct wish *wish, const struct rc_config *config, const struct load *load,
                struct ingest_decoder *decoder)
{
    static struct piece piece;
    struct counted counted = {0};
    struct rc_mark mark = {.now_ms = RC_TIME_NONE, .wall_ms = RC_TIME_NONE};
    struct agg_options options = {.config = config,
                                  .shard_count = 1,
                                  .replay = true,
                                  .provisional = wish->provisional,
                                  .pseudonym = ingest_pseudonym};
#ifndef BENCH_AGAINST
    options.contacts = wish->contacts;
#endif
    struct agg *agg;
    load_check(agg_open(&options, count_record, &counted, &agg) == RC_OK, "no core");
    uint64_t spent = 0;
    for (uint64_t i = 0; i < load->count; i += piece.count) {
        piece_fill(&piece, load, i, mark.now_ms, decoder, wish);
        int64_t last_ms = piece.event[piece.count - 1]->time_ms;
        bool last = i + piece.count == load->count;
        bool marks = last || (i + piece.count) % MARK_EVERY == 0;
        if (marks) {
            mark.epoch++;
            mark.now_ms = last ? last_ms + 1 : last_ms - config->time.max_disorder_ms;
        }
        uint64_t before = load_cpu_ns();
        core_step(agg, &piece, marks ? &mark : NULL);
        spent += load_cpu_ns() - before;
    }
    const struct rc_shard_stats *stats = agg_stats(agg);
    load_check(rc_counter_read(&stats->applied) == load->count, "not all events were applied");
    printf("%.1f %" PRIu64 " %" PRIu64 " of contacts: %" PRIu64 " of clocks: %" PRIu64
           " bytes: %" PRIu64 "\n",
           (double)spent / (double)load->count, load->count, counted.all, counted.contacts,
           counted.clocks, rc_counter_read(&stats->memory_bytes));
    agg_close(agg);
}

/* ---- the command ---- */

static bool wish_read(int argc, char **argv, struct wish *wish)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        wish->contacts |= !strcmp(argv[i], "--contacts");
        wish->provisional |= !strcmp(argv[i], "--provisional");
        wish->alone |= !strcmp(argv[i], "--alone");
        wish->coarse |= !strcmp(argv[i], "--coarse");
    }
    if (argc - i != 2)
        return false;
    wish->config = argv[i];
    wish->events = argv[i + 1];
    return true;
}

int main(int argc, char **argv)
{
    struct wish wish = {0};
    struct config_loaded *loaded;
    struct ingest_decoder *decoder;
    if (!wish_read(argc, argv, &wish)) {
        fprintf(stderr, "usage: bench_features [--contacts] [--provisional] [--alone] [--coarse] "
                        "CONFIG FILE\n");
        return 64;
    }
    if (config_load("bench_features", wish.config, stderr, &loaded) != RC_OK)
        return 78;
    struct rc_config config = *loaded->config;
    for (uint32_t i = 0; wish.coarse && i < config.windows.rolling_count; i++)
        config.windows.rolling[i].every_ms = config.windows.rolling[i].length_ms;
    struct load load = lines_read(wish.events);
    struct ingest_decoder_options options = {&config, 1};
    load_check(ingest_decoder_open(&options, &decoder) == RC_OK, "no decoder");
    run(&wish, &config, &load, decoder);
    ingest_decoder_close(decoder);
    load_free(&load);
    config_free(loaded);
    return 0;
}
