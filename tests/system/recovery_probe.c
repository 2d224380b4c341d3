/* Ingest against a real broker: an input with transactions, aborted ones among them, is read live
 * and its cuts are kept; then ingest is opened again, goes on from one of the cuts chosen at
 * random, and must make every recorded epoch again of the very same records, with the same now.
 *
 *     recovery_probe BROKERS SEED
 *
 * recovery_input.c writes the input. Exit code 1 and a line "FAILED: …" if something differs. */
#include "recovery_input.h"

#include "config_load.h"
#include "rollcall/ingest.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    SHARDS = 2,
    RINGS = SHARDS + 1, /* the last is the commit thread's */
    RING_BYTES = 64 << 20,
    RECORD_S = 8,
    WAIT_S = 40,
    REPLAYS = 5
};

/* What ingest put between two marks. */
struct epoch {
    uint64_t hash;         /* of the set of (source, offset, event or why not) */
    uint64_t places;       /* of the set of (source, offset) */
    uint64_t count;        /* records */
    int64_t now_ms[RINGS]; /* as its mark and its end say */
    bool snapshot[RINGS];
    struct rc_cut *cut;
};

/* One run of ingest and who reads its rings. */
struct witness {
    struct rc_ring ring[RINGS];
    struct rc_park park[RINGS], self;
    struct rc_ring *rings[SHARDS];
    struct rc_park *parks[SHARDS];
    char *bytes[RINGS];
    struct ingest_output output;
    struct ingest_kafka *kafka;
    struct epoch *epoch;
    uint32_t epoch_count, epoch_room, at[RINGS]; /* at: the open epoch of each ring */
    uint64_t number;                             /* of epoch[0] */
    _Atomic uint64_t places;                     /* of all */
    bool over[RINGS];
    pthread_t reader, runner;
    enum rc_error err;
    char message[256];
};

_Noreturn static void fail(const char *what)
{
    printf("FAILED: %s\n", what);
    exit(1);
}

static void check(bool holds, const char *what)
{
    if (!holds)
        fail(what);
}

static void say(void *opaque, const char *line)
{
    (void)opaque;
    printf("  | %s\n", line);
}

/* ---- reading the rings ---- */

static struct epoch *open_epoch(struct witness *witness, int ring)
{
    uint32_t at = witness->at[ring];
    if (at == witness->epoch_room) {
        witness->epoch_room = at ? 2 * at : 256;
        witness->epoch = realloc(witness->epoch, witness->epoch_room * sizeof *witness->epoch);
        check(witness->epoch, "no memory");
    }
    if (at == witness->epoch_count)
        witness->epoch[witness->epoch_count++] = (struct epoch){0};
    return &witness->epoch[at];
}

static void see(struct witness *witness, int ring, uint32_t source, int64_t offset,
                const char *reason)
{
    struct epoch *epoch = open_epoch(witness, ring);
    uint64_t place = input_place(source, offset);
    epoch->places += place;
    epoch->count++;
    epoch->hash += place;
    for (; *reason; reason++)
        epoch->hash += place * (uint64_t)*reason;
    atomic_fetch_add_explicit(&witness->places, place, memory_order_relaxed);
}

static void take_end(struct witness *witness, int ring, uint64_t number, int64_t now_ms)
{
    struct epoch *epoch = open_epoch(witness, ring);
    epoch->now_ms[ring] = now_ms;
    if (witness->number == 0)
        witness->number = number;
    check(number == witness->number + witness->at[ring], "epochs are not numbered one by one");
    witness->at[ring]++;
}

static void take_cut(struct witness *witness, int ring, const struct rc_cut *cut, uint32_t size)
{
    struct epoch *epoch = open_epoch(witness, ring);
    check(!epoch->cut && size == cut->size, "an epoch has two cuts");
    check(size == sizeof *cut + cut->part_count * sizeof cut->part[0], "the size of a cut");
    epoch->cut = malloc(size);
    check(epoch->cut, "no memory");
    memcpy(epoch->cut, cut, size);
    epoch->snapshot[ring] = cut->snapshot;
}

static void take(struct witness *witness, int ring, uint32_t kind, const void *message,
                 uint32_t size)
{
    const struct rc_event *ev = message;
    const struct rc_dead_letter *dead = message;
    const struct rc_mark *mark = message;
    const struct rc_end *end = message;
    if (kind == RC_MESSAGE_EVENT) {
        see(witness, ring, ev->source, ev->offset, "");
    } else if (kind == RC_MESSAGE_DEAD_LETTER) {
        see(witness, ring, dead->source, dead->offset, dead->reason);
    } else if (kind == RC_MESSAGE_CUT) {
        take_cut(witness, ring, message, size);
    } else if (kind == RC_MESSAGE_MARK) {
        open_epoch(witness, ring)->snapshot[ring] = mark->snapshot;
        take_end(witness, ring, mark->epoch, mark->now_ms);
    } else if (end->epoch == UINT64_MAX) {
        witness->over[ring] = true;
    } else {
        check(open_epoch(witness, ring)->cut, "an epoch has no cut");
        take_end(witness, ring, end->epoch, end->now_ms);
    }
}

static bool drain(struct witness *witness, int ring)
{
    void *message;
    uint32_t size, kind, count = 0;
    while (!witness->over[ring] && !rc_ring_peek(&witness->ring[ring], &message, &size, &kind)) {
        take(witness, ring, kind, message, size);
        rc_ring_release(&witness->ring[ring]);
        count++;
    }
    if (count)
        rc_park_wake(&witness->self);
    return count > 0;
}

static void *read_rings(void *opaque)
{
    struct witness *witness = opaque;
    bool over = false;
    while (!over) {
        bool any = false;
        over = true;
        for (int ring = 0; ring < RINGS; ring++) {
            any |= drain(witness, ring);
            over &= witness->over[ring];
        }
        if (!any)
            usleep(500);
    }
    return NULL;
}

static void *run_ingest(void *opaque)
{
    struct witness *witness = opaque;
    witness->err = ingest_kafka_run(witness->kafka, witness->message);
    return NULL;
}

/* ---- a run ---- */

static struct witness *witness_open(const struct rc_config *config, bool recover_only)
{
    struct witness *witness = NULL;
    check(!posix_memalign((void **)&witness, RC_RING_LINE, sizeof *witness), "no memory");
    memset(witness, 0, sizeof *witness);
    for (int i = 0; i < RINGS; i++) {
        witness->bytes[i] = malloc(RING_BYTES);
        check(witness->bytes[i], "no memory");
        rc_ring_init(&witness->ring[i], witness->bytes[i], RING_BYTES, 0);
    }
    for (int i = 0; i < SHARDS; i++) {
        witness->rings[i] = &witness->ring[i];
        witness->parks[i] = &witness->park[i];
    }
    witness->output = (struct ingest_output){.shard_count = SHARDS,
                                             .ring = witness->rings,
                                             .park = witness->parks,
                                             .commit_ring = &witness->ring[SHARDS],
                                             .commit_park = &witness->park[SHARDS],
                                             .self = &witness->self};
    const struct ingest_kafka_options options = {.config = config,
                                                 .hash_secret = 7,
                                                 .say = say,
                                                 .snapshot_every_ms = 1000,
                                                 .recover_only = recover_only};
    if (ingest_kafka_open(&options, &witness->output, &witness->kafka, witness->message))
        fail(witness->message);
    return witness;
}

static void witness_start(struct witness *witness)
{
    check(!pthread_create(&witness->reader, NULL, read_rings, witness), "no thread");
    check(!pthread_create(&witness->runner, NULL, run_ingest, witness), "no thread");
}

static void witness_join(struct witness *witness)
{
    pthread_join(witness->runner, NULL);
    pthread_join(witness->reader, NULL);
}

/* Until it has seen all places; then stopped. */
static void witness_finish(struct witness *witness, struct input *input, uint64_t before)
{
    for (int i = 0; i < WAIT_S * 50; i++) {
        if (before + atomic_load_explicit(&witness->places, memory_order_relaxed) ==
            input_places(input))
            break;
        usleep(20000);
    }
    ingest_kafka_stop(witness->kafka);
    witness_join(witness);
    if (witness->err)
        fail(witness->message);
    uint64_t records = 0;
    for (uint32_t i = 0; i < witness->epoch_count; i++)
        records += witness->epoch[i].count;
    if (before + witness->places != input_places(input))
        printf("%llu records in %u epochs, %u to be made again; %llu were committed\n",
               (unsigned long long)records, witness->epoch_count,
               ingest_kafka_recovering(witness->kafka), (unsigned long long)input_count(input));
    check(before + witness->places == input_places(input),
          "what was read is not what was committed");
}

static void witness_close(struct witness *witness)
{
    ingest_kafka_close(witness->kafka);
    for (uint32_t i = 0; i < witness->epoch_count; i++)
        free(witness->epoch[i].cut);
    for (int i = 0; i < RINGS; i++)
        free(witness->bytes[i]);
    free(witness->epoch);
    free(witness);
}

/* ---- what must hold ---- */

static bool happened(const struct epoch *epoch, const struct epoch *before)
{
    const struct rc_cut *a = before->cut, *b = epoch->cut;
    if (a->part_count != b->part_count || a->now_ms != b->now_ms)
        return true;
    for (uint32_t i = 0; i < a->part_count; i++)
        if (a->part[i].next_offset != b->part[i].next_offset)
            return true;
    return false;
}

static void check_live(const struct witness *witness)
{
    uint32_t snapshots = 0;
    int64_t now_ms = RC_TIME_NONE;
    for (uint32_t i = 0; i < witness->epoch_count; i++) {
        const struct epoch *epoch = &witness->epoch[i];
        const struct rc_cut *cut = epoch->cut;
        check(cut && !cut->recorded, "a live epoch has a live cut");
        for (int ring = 0; ring < RINGS; ring++) {
            check(epoch->now_ms[ring] == cut->now_ms, "a mark and its cut have another now");
            check(epoch->snapshot[ring] == cut->snapshot, "snapshots of mark and cut differ");
        }
        check(cut->now_ms >= now_ms, "now goes back");
        check(!i || i + 1 == witness->epoch_count || happened(epoch, epoch - 1),
              "an epoch was closed in which nothing happened");
        now_ms = cut->now_ms;
        snapshots += cut->snapshot;
    }
    check(witness->epoch_count && witness->epoch[witness->epoch_count - 1].cut->snapshot,
          "the last epoch is not marked for a snapshot");
    check(snapshots >= 3, "snapshots are not due every second");
}

static bool same_cut(const struct rc_cut *a, const struct rc_cut *b)
{
    struct rc_cut left = *a, right = *b;
    left.recorded = right.recorded = false;
    return !memcmp(&left, &right, sizeof left) &&
           !memcmp(a->part, b->part, a->part_count * sizeof a->part[0]);
}

static void check_again(const struct witness *was, const struct witness *is, uint32_t from,
                        uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        const struct epoch *a = &was->epoch[i], *b = &is->epoch[i - from];
        if (a->hash != b->hash || a->count != b->count) {
            printf("epoch %u had %llu records, made again %llu\n", i + 1,
                   (unsigned long long)a->count, (unsigned long long)b->count);
            fail("an epoch was made of other records");
        }
        for (int ring = 0; ring < RINGS; ring++)
            check(a->now_ms[ring] == b->now_ms[ring], "an epoch ended with another now");
        check(b->cut && b->cut->recorded, "a recorded epoch says so");
        check(same_cut(a->cut, b->cut), "a recorded cut has changed");
    }
    for (uint32_t i = to - from; i < is->epoch_count; i++)
        check(!is->epoch[i].cut->recorded, "after the recorded epochs come live ones");
}

static struct rc_cut **cuts_of(const struct witness *witness)
{
    struct rc_cut **list = calloc(witness->epoch_count, sizeof *list);
    check(list, "no memory");
    for (uint32_t i = 0; i < witness->epoch_count; i++)
        list[i] = witness->epoch[i].cut;
    return list;
}

/* From the cut of epoch `from` (0: the beginning) through the recorded ones up to `to`. */
static void replay(const struct rc_config *config, struct input *input, const struct witness *was,
                   uint32_t from, uint32_t to, bool write)
{
    struct rc_cut **cut = cuts_of(was);
    struct witness *is = witness_open(config, false);
    uint64_t before = 0;
    for (uint32_t i = 0; i < from; i++)
        before += was->epoch[i].places;
    if (write)
        input_start(input);
    if (ingest_kafka_resume(is->kafka, from ? cut[from - 1] : NULL, cut + from, to - from,
                            is->message))
        fail(is->message);
    check(ingest_kafka_recovering(is->kafka) == to - from, "how many epochs are to be made again");
    witness_start(is);
    if (write) {
        sleep(2);
        input_stop(input);
    }
    witness_finish(is, input, before);
    check(ingest_kafka_recovering(is->kafka) == 0, "it is live at the end");
    check_again(was, is, from, to);
    printf("from epoch %u, %u of %u recorded ones: %llu records read again, %u live epochs\n", from,
           to - from, was->epoch_count,
           (unsigned long long)rc_counter_read(&ingest_kafka_stats(is->kafka)->replayed),
           is->epoch_count - (to - from));
    check(to == from || rc_counter_read(&ingest_kafka_stats(is->kafka)->replayed) > 0 ||
              was->epoch[to - 1].places == 0 || from + 3 > to,
          "events read again are counted");
    witness_close(is);
    free(cut);
}

/* Only the recorded epochs; then it ends by itself. */
static void recover_only(const struct rc_config *config, const struct witness *was)
{
    uint32_t from = was->epoch_count / 3, to = was->epoch_count / 3 * 2;
    struct rc_cut **cut = cuts_of(was);
    struct witness *is = witness_open(config, true);
    if (ingest_kafka_secret_set(is->kafka, 11) ||
        ingest_kafka_resume(is->kafka, cut[from - 1], cut + from, to - from, is->message))
        fail(is->message);
    witness_start(is);
    witness_join(is);
    check(!is->err && is->epoch_count == to - from, "it ends after the recorded epochs");
    check_again(was, is, from, to);
    witness_close(is);
    free(cut);
}

/* ---- refusals ---- */

static void expect(const struct rc_config *config, const struct rc_cut *from, enum rc_error right,
                   const char *words)
{
    struct witness *witness = witness_open(config, false);
    enum rc_error err = ingest_kafka_resume(witness->kafka, from, NULL, 0, witness->message);
    printf("answer %d: %s\n", err, witness->message);
    check(err == right, "another answer was expected");
    check(!words || strstr(witness->message, words), "the message does not say it");
    witness_close(witness);
}

static void refuse_trimmed(const struct rc_config *config, struct input *input,
                           const struct witness *was)
{
    const struct rc_cut *early = was->epoch[was->epoch_count / 2].cut;
    const struct rc_cut *late = was->epoch[was->epoch_count - 1].cut;
    for (uint32_t i = 0; i < early->part_count; i++) {
        const struct rc_cut_part *part = &early->part[i];
        int64_t gone = late->part[i].next_offset - part->next_offset;
        if (late->part[i].source != part->source || gone < 2)
            continue;
        char words[128];
        int32_t partition;
        struct witness *witness = witness_open(config, false);
        const char *topic = ingest_kafka_source(witness->kafka, part->source, &partition);
        input_trim(input, topic, partition, part->next_offset + gone / 2);
        snprintf(words, sizeof words, "%lld records of %s [%d] are gone", (long long)(gone / 2),
                 topic, (int)partition);
        uint32_t source;
        check(ingest_kafka_source_of(witness->kafka, topic, partition, &source) &&
                  source == part->source &&
                  !ingest_kafka_source_of(witness->kafka, "x", 0, &source),
              "names and numbers of sources");
        witness_close(witness);
        expect(config, early, RC_ERR_INPUT, words);
        expect(config, late, RC_OK, NULL);
        return;
    }
    fail("no partition was read on: the test proves nothing");
}

static void refuse_lost(const struct rc_config *config, const struct witness *was)
{
    struct rc_cut *last = was->epoch[was->epoch_count - 1].cut;
    last->part[0].next_offset += 1000000;
    expect(config, last, RC_ERR_INPUT, "ends at offset");
    last->part[0].next_offset -= 1000000;
}

static void refuse_compacted(const struct rc_config *config, struct input *input,
                             const struct witness *was)
{
    struct witness *witness = witness_open(config, false);
    int32_t partition;
    input_compact(input, ingest_kafka_source(witness->kafka, 0, &partition));
    witness_start(witness);
    witness_join(witness);
    printf("answer %d: %s\n", witness->err, witness->message);
    check(witness->err == RC_ERR_CONFIG && strstr(witness->message, "is compacted"),
          "a compacted input is refused");
    witness_close(witness);
    expect(config, was->epoch[0].cut, RC_ERR_CONFIG, "is compacted");
}

static void *stop_soon(void *opaque)
{
    usleep(700000);
    ingest_kafka_stop(((struct witness *)opaque)->kafka);
    return NULL;
}

static void stop_waiting(const struct rc_config *nowhere, const struct witness *was)
{
    struct witness *witness = witness_open(nowhere, false);
    pthread_t thread;
    time_t began = time(NULL);
    check(!pthread_create(&thread, NULL, stop_soon, witness), "no thread");
    enum rc_error err =
        ingest_kafka_resume(witness->kafka, was->epoch[0].cut, NULL, 0, witness->message);
    pthread_join(thread, NULL);
    check(!err && time(NULL) - began < 5, "a Kafka that is away is waited for");
    witness_start(witness);
    witness_join(witness);
    check(!witness->err && witness->epoch_count == 0, "and nothing is closed then");
    witness_close(witness);
}

static struct config_loaded *load(const char *brokers, const struct input *input)
{
    char text[1024];
    struct config_loaded *loaded;
    int size = snprintf(text, sizeof text,
                        "kafka:\n  brokers: %s\n  group: probe\n  topics: {%s: any, %s: call}\n"
                        "output: {commit_every: 100ms}\nhttp: {listen: off}\n"
                        "time: {idle_after: 1s, max_ahead: %ds}\n",
                        brokers, input_topic(input, 0), input_topic(input, 1), INPUT_AHEAD_S);
    if (config_load_text("probe", text, (size_t)size, stdout, &loaded))
        fail("the configuration");
    return loaded;
}

int main(int argc, char **argv)
{
    check(argc == 3, "recovery_probe BROKERS SEED");
    uint64_t seed = strtoull(argv[2], NULL, 10);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct input *input = input_open(argv[1], seed);
    struct config_loaded *loaded = load(argv[1], input), *nowhere = load("127.0.0.1:1", input);
    const struct rc_config *config = loaded->config;
    struct witness *was = witness_open(config, false);
    witness_start(was);
    input_start(input);
    sleep(RECORD_S / 3);
    input_grow(input);
    sleep(RECORD_S - RECORD_S / 3);
    input_stop(input);
    witness_finish(was, input, 0);
    check_live(was);
    printf("recorded: %u epochs, %llu records in %u partitions\n", was->epoch_count,
           (unsigned long long)input_count(input),
           was->epoch[was->epoch_count - 1].cut->part_count);
    replay(config, input, was, 0, was->epoch_count, true);
    for (int i = 0; i < REPLAYS; i++) {
        uint32_t from = (uint32_t)(input_random(input) % was->epoch_count);
        uint32_t to = from + (uint32_t)(input_random(input) % (was->epoch_count - from + 1));
        replay(config, input, was, from, to, i % 2);
    }
    recover_only(config, was);
    stop_waiting(nowhere->config, was);
    refuse_trimmed(config, input, was);
    refuse_lost(config, was);
    refuse_compacted(config, input, was);
    witness_close(was);
    config_free(loaded);
    config_free(nowhere);
    input_close(input);
    printf("PASSED with seed %llu\n", (unsigned long long)seed);
    return 0;
}
