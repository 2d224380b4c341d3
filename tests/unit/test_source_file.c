/* Recorded events from files, by whole runs: what came out of the rings, in order. */
#include "ingest_rig.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

#define T0_MS INT64_C(1772445600000)

static struct rig rig;
static struct rc_config config;
static char folder[] = "/tmp/rollcall-test-XXXXXX";
static char paths[4][64];
static const char *path_list[4];
static char message[256];
static struct ingest_file_options options;

static void begin(void)
{
    rig_open(&rig, 64 << 20);
    config = (struct rc_config){.tasks = 64, .limits = {.max_event = 1 << 20}};
    config.time.max_disorder_ms = 1000;
    cr_assert_not_null(mkdtemp(folder));
    for (int i = 0; i < 4; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%d", folder, i);
        path_list[i] = paths[i];
    }
    options = (struct ingest_file_options){
        .config = &config, .path = path_list, .path_count = 1, .until_ms = RC_TIME_NONE};
}

static void end(void)
{
    for (int i = 0; i < 4; i++)
        unlink(paths[i]);
    rmdir(folder);
    rig_close(&rig);
}

TestSuite(source_file, .init = begin, .fini = end, .timeout = 60);

static void put_bytes(int file, const void *bytes, size_t size, const char *mode)
{
    FILE *out = fopen(paths[file], mode);
    cr_assert_not_null(out);
    cr_assert_eq(fwrite(bytes, 1, size, out), size);
    cr_assert_eq(fclose(out), 0);
}

static void put(int file, const char *text)
{
    put_bytes(file, text, strlen(text), "wb");
}

static void put_frame(int file, const char *text, const char *mode)
{
    size_t size = strlen(text), bound = ZSTD_compressBound(size);
    char *room = malloc(bound);
    cr_assert_not_null(room);
    put_bytes(file, room, ZSTD_compress(room, bound, text, size, 1), mode);
    free(room);
}

/* A line: an event of that contact so many ms after T0. */
static const char *line(const char *contact, int after_ms)
{
    static char text[8][256];
    static int turn;
    char *at = text[turn++ % 8];
    snprintf(at, sizeof text[0],
             "{\"type\":\"ended\",\"client\":\"acme\",\"contact\":\"%s\",\"time\":%lld}\n", contact,
             (long long)T0_MS + after_ms);
    return at;
}

static char *join(const char *const *lines, size_t count)
{
    static char text[65536];
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s", lines[i]);
    return text;
}
#define JOIN(...)                                                                                  \
    join((const char *const[]){__VA_ARGS__},                                                       \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static enum rc_error run(void)
{
    struct ingest_files *files;
    enum rc_error err = ingest_files_open(&options, &rig.output, &files, message);
    if (err)
        return err;
    err = ingest_files_run(files, message);
    struct ingest_progress progress = ingest_files_progress(files);
    cr_expect(err || progress.bytes_read == progress.bytes_total);
    ingest_files_close(files);
    return err;
}

/* The only client has one task: its shard's messages are all events. */
static int shard(void)
{
    return (int)((ingest_murmur2("acme", 4) & 0x7fffffff) % 64 % RIG_SHARDS);
}

static const struct rc_event *next_event(void)
{
    uint32_t kind = 0;
    const void *found;
    while ((found = rig_next(&rig, shard(), &kind)) && kind != RC_MESSAGE_EVENT)
        ;
    return found;
}

/* now: after T0, or -1: none. */
static void event_is(const char *contact, uint32_t source, int64_t number, int now_after_ms)
{
    const struct rc_event *ev = next_event();
    cr_assert_not_null(ev, "%s did not come", contact);
    cr_expect(ev->contact_size == strlen(contact) &&
                  memcmp(rc_event_contact(ev), contact, ev->contact_size) == 0,
              "%.*s, not %s", ev->contact_size, rc_event_contact(ev), contact);
    cr_expect_eq(ev->source, source);
    cr_expect_eq(ev->offset, number, "%s: line %lld", contact, (long long)ev->offset);
    cr_expect_eq(ev->now_ms, now_after_ms == -1 ? RC_TIME_NONE : T0_MS + now_after_ms,
                 "%s: now %lld", contact, (long long)(ev->now_ms - T0_MS));
}

static const struct rc_raw *dead_is(int64_t number, const char *reason, const char *value)
{
    uint32_t kind = 0;
    const struct rc_dead_letter *dead;
    while ((dead = rig_next(&rig, RIG_SHARDS, &kind)) && kind != RC_MESSAGE_DEAD_LETTER)
        ;
    cr_assert_not_null(dead, "no dead letter of line %lld", (long long)number);
    const struct rc_raw *raw = (const struct rc_raw *)dead->raw;
    cr_expect_eq(dead->offset, number);
    cr_expect_str_eq(dead->reason, reason);
    if (value) {
        cr_expect_eq(raw->value_size, strlen(value));
        cr_expect_arr_eq(raw->bytes, value, raw->value_size);
    }
    return raw;
}

/* The last mark of a shard, after all else was read. */
static struct rc_mark last_mark(void)
{
    struct rc_mark mark = {0};
    uint32_t kind = 0;
    const void *found;
    while ((found = rig_next(&rig, shard(), &kind))) {
        if (kind == RC_MESSAGE_MARK)
            memcpy(&mark, found, sizeof mark);
    }
    return mark;
}

Test(source_file, lines_come_in_order_with_the_watermark_of_those_before)
{
    put(0, JOIN(line("a", 0), line("b", 5000), "\r\n", line("c", 3000), line("d", 6000)));
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 1, -1);
    event_is("b", 0, 2, -1000);
    event_is("c", 0, 4, 4000);
    event_is("d", 0, 5, 4000);
    cr_expect_null(next_event());
}

Test(source_file, the_end_of_input_is_a_mark_just_after_the_largest_time)
{
    put(0, JOIN(line("a", 7000), line("b", 3000)));
    cr_assert_eq(run(), RC_OK);
    struct rc_mark mark = last_mark();
    cr_expect(mark.end_of_input);
    cr_expect_eq(mark.now_ms, T0_MS + 7001);
    cr_expect_eq(mark.wall_ms, RC_TIME_NONE);
    cr_expect_eq(mark.epoch, 1);
}

Test(source_file, until_is_where_the_end_is_if_it_is_later)
{
    put(0, line("a", 7000));
    options.until_ms = T0_MS + 60000;
    cr_assert_eq(run(), RC_OK);
    cr_expect_eq(last_mark().now_ms, T0_MS + 60000);
    options.until_ms = T0_MS + 1;
    cr_assert_eq(run(), RC_OK);
    cr_expect_eq(last_mark().now_ms, T0_MS + 7001);
}

Test(source_file, an_empty_input_ends_without_a_watermark)
{
    put(0, "");
    cr_assert_eq(run(), RC_OK);
    struct rc_mark mark = last_mark();
    cr_expect(mark.end_of_input);
    cr_expect_eq(mark.now_ms, RC_TIME_NONE);
}

Test(source_file, every_epoch_ends_and_the_last_end_says_so)
{
    FILE *out = fopen(paths[0], "wb");
    for (int i = 0; i < 20000; i++)
        fputs("\n", out);
    fputs(line("a", 0), out);
    fclose(out);
    cr_assert_eq(run(), RC_OK);
    uint32_t kind = 0;
    uint64_t expected[] = {1, 2, 3, UINT64_MAX};
    for (int i = 0; i < 4; i++) {
        const struct rc_end *found = rig_next(&rig, RIG_SHARDS, &kind);
        cr_assert_not_null(found);
        cr_expect(kind == RC_MESSAGE_END && found->from == UINT32_MAX);
        cr_expect_eq(found->epoch, expected[i]);
    }
    cr_expect_null(rig_next(&rig, RIG_SHARDS, &kind));
    event_is("a", 0, 20001, -1);
}

Test(source_file, the_last_line_needs_no_newline)
{
    char *text = JOIN(line("a", 0), line("b", 1));
    text[strlen(text) - 1] = '\0';
    put(0, text);
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 1, -1);
    event_is("b", 0, 2, -1000);
}

Test(source_file, what_is_refused_moves_nothing_and_goes_whole)
{
    put(0, JOIN("{\n", line("a", 0), "[1]\r\n", "{\"type\":\"hello\",\"time\":4000000000000}\n",
                "{\"type\":\"ended\",\"time\":4000000000000}\n", line("b", 1)));
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 2, -1);
    event_is("b", 0, 6, -1000);
    dead_is(1, "not_json", "{");
    dead_is(3, "not_object", "[1]\r");
    dead_is(5, "missing:client", "{\"type\":\"ended\",\"time\":4000000000000}");
}

Test(source_file, a_tick_moves_the_watermark_and_is_no_event)
{
    put(0, JOIN(line("a", 0), "{\"type\":\"tick\",\"time\":1772445609000}\n", line("b", 1)));
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 1, -1);
    event_is("b", 0, 3, 8000);
    cr_expect_eq(last_mark().now_ms, T0_MS + 9001);
}

Test(source_file, an_event_carries_its_line)
{
    put(0, line("a", 0));
    cr_assert_eq(run(), RC_OK);
    const struct rc_event *ev = next_event();
    cr_assert_not_null(ev);
    const struct rc_raw *raw = (const struct rc_raw *)rc_event_raw(ev);
    const char *expected = line("a", 0);
    cr_expect_eq(raw->key_size, UINT32_MAX);
    cr_expect_eq(raw->header_count, 0);
    cr_expect_eq(raw->value_size, strlen(expected) - 1);
    cr_expect_arr_eq(raw->bytes, expected, raw->value_size);
}

Test(source_file, the_file_with_the_smallest_watermark_is_read_next)
{
    options.path_count = 3;
    put(0, JOIN(line("a1", 0), line("a2", 5000), line("a3", 20000)));
    put(1, JOIN(line("b1", 1000), line("b2", 4000), line("b3", 30000)));
    put(2, "");
    cr_assert_eq(run(), RC_OK);
    event_is("a1", 0, 1, -1);
    event_is("b1", 1, 1, -1);
    event_is("a2", 0, 2, -1000);
    event_is("b2", 1, 2, 0);
    event_is("b3", 1, 3, 3000);
    event_is("a3", 0, 3, 4000);
    cr_expect_null(next_event());
}

Test(source_file, of_equal_watermarks_the_file_given_first_is_read)
{
    options.path_count = 2;
    put(0, JOIN(line("a1", 0), line("a2", 0), line("a3", 1)));
    put(1, JOIN(line("b1", 0), line("b2", 0)));
    cr_assert_eq(run(), RC_OK);
    event_is("a1", 0, 1, -1);
    event_is("b1", 1, 1, -1);
    event_is("a2", 0, 2, -1000);
    event_is("a3", 0, 3, -1000);
    event_is("b2", 1, 2, -1000);
}

Test(source_file, a_file_without_events_holds_the_watermark_until_its_end)
{
    options.path_count = 2;
    put(0, JOIN("x\n", "y\n", line("a", 50000)));
    put(1, JOIN(line("b1", 0), line("b2", 9000), line("b3", 9001)));
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 3, -1);
    event_is("b1", 1, 1, -1);
    event_is("b2", 1, 2, -1000);
    event_is("b3", 1, 3, 8000);
}

Test(source_file, a_file_that_ended_no_longer_holds_the_watermark)
{
    options.path_count = 2;
    put(0, line("a", 0));
    put(1, JOIN(line("b1", 8000), line("b2", 9000), line("b3", 9500)));
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 1, -1);
    event_is("b1", 1, 1, -1);
    event_is("b2", 1, 2, 7000);
    event_is("b3", 1, 3, 8000);
}

Test(source_file, the_watermark_never_goes_back)
{
    options.path_count = 2;
    put(0, JOIN(line("a1", 10000), line("a2", 10001)));
    put(1, JOIN(line("b1", 12000), line("b2", 100), line("b3", 200)));
    cr_assert_eq(run(), RC_OK);
    event_is("a1", 0, 1, -1);
    event_is("b1", 1, 1, -1);
    event_is("a2", 0, 2, 9000);
    event_is("b2", 1, 2, 11000);
    event_is("b3", 1, 3, 11000);
}

Test(source_file, zstd_is_known_by_its_first_bytes)
{
    put_frame(0, JOIN(line("a", 0), line("b", 1)), "wb");
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 1, -1);
    event_is("b", 0, 2, -1000);
}

Test(source_file, frames_of_zstd_follow_each_other_even_within_a_line)
{
    char text[256];
    snprintf(text, sizeof text, "%s", line("b", 1));
    put_frame(0, line("a", 0), "wb");
    put_frame(0, "", "ab");
    put_frame(0, "\n{", "ab");
    put_bytes(0, "\x50\x2a\x4d\x18\x03\0\0\0xyz", 11, "ab");
    put_frame(0, text + 1, "ab");
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 1, -1);
    event_is("b", 0, 3, -1000);
    cr_expect_null(next_event());
}

Test(source_file, a_damaged_file_is_an_error_and_all_threads_end)
{
    put_frame(0, JOIN(line("a", 0), line("b", 1), line("c", 2)), "wb");
    cr_assert_eq(truncate(paths[0], 40), 0);
    cr_expect_eq(run(), RC_ERR_IO);
    cr_expect_not_null(strstr(message, "zstd"), "%s", message);
    uint32_t kind = 0;
    const void *found;
    uint32_t last = 0;
    while ((found = rig_next(&rig, 0, &kind)))
        last = kind;
    cr_expect_eq(last, RC_MESSAGE_END);
}

Test(source_file, long_lines_are_read_to_their_end)
{
    config.limits.max_event = 10000;
    size_t sizes[] = {9000, 10001, 300000, 10000000, INGEST_VALUE_KEPT, 17 << 20, 3};
    FILE *out = fopen(paths[0], "wb");
    cr_assert_not_null(out);
    char *pad = malloc(18 << 20);
    cr_assert_not_null(pad);
    memset(pad, 'x', 18 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fwrite(pad, 1, sizes[i], out);
        fputs("\n", out);
        fputs(line("a", (int)i), out);
    }
    fwrite(pad, 1, 18 << 20, out);
    fclose(out);
    cr_assert_eq(run(), RC_OK);
    for (int i = 0; i < 7; i++)
        event_is("a", 0, 2 * i + 2, i == 0 ? -1 : i - 1001);
    for (int i = 0; i < 8; i++) {
        const struct rc_raw *raw =
            dead_is(2 * i + 1, i == 0 || i == 6 ? "not_json" : "too_large", NULL);
        size_t size = i < 7 && sizes[i] < INGEST_VALUE_KEPT ? sizes[i] : INGEST_VALUE_KEPT;
        cr_expect_eq(raw->value_size, size, "line %d keeps %u bytes", 2 * i + 1, raw->value_size);
        cr_expect_arr_eq(raw->bytes, pad, raw->value_size);
    }
    free(pad);
}

Test(source_file, an_event_may_be_as_large_as_configured)
{
    static const char head[] = "{\"type\":\"ended\",\"client\":\"acme\",\"contact\":\"big\","
                               "\"time\":1772445600000,\"x\":\"";
    size_t size = 20000000;
    char *text = malloc(size + 2);
    cr_assert_not_null(text);
    memset(text, 'x', size);
    memcpy(text, head, sizeof head - 1);
    memcpy(text + size - 2, "\"}\n ", 4);
    put_bytes(0, text, size + 2, "wb"); /* and one byte more on the second line */
    put_bytes(0, text, size, "ab");
    free(text);
    config.limits.max_event = (uint32_t)size;
    cr_assert_eq(run(), RC_OK);
    event_is("big", 0, 1, -1);
    cr_expect_eq(dead_is(2, "too_large", NULL)->value_size, INGEST_VALUE_KEPT);
}

Test(source_file, lines_across_every_seam_of_the_buffer_are_whole)
{
    FILE *out = fopen(paths[0], "wb");
    cr_assert_not_null(out);
    for (int i = 0; i < 30000; i++)
        fprintf(out, "%*s%s", i % 97, "", line("a", 5000 + i));
    fclose(out);
    cr_assert_eq(run(), RC_OK);
    for (int i = 0; i < 30000; i++)
        event_is("a", 0, i + 1, i == 0 ? -1 : 5000 + i - 1001);
    cr_expect_null(next_event());
}

Test(source_file, only_one_clients_events_but_everybodys_time)
{
    options.only_client = "acme";
    put(0,
        JOIN(line("a", 0),
             "{\"type\":\"ended\",\"client\":\"other\",\"contact\":\"x\",\"time\":1772445605000}\n",
             line("b", 1)));
    cr_assert_eq(run(), RC_OK);
    event_is("a", 0, 1, -1);
    event_is("b", 0, 3, 4000);
    for (int i = 0; i < RIG_SHARDS; i++) {
        uint32_t kind = 0;
        while (rig_next(&rig, i, &kind))
            cr_expect_neq(kind, RC_MESSAGE_EVENT);
    }
}

Test(source_file, strict_stops_at_the_first_refused_line)
{
    options.strict = true;
    put(0, JOIN(line("a", 0), "\n", "{\n", line("b", 1)));
    cr_expect_eq(run(), RC_ERR_INPUT);
    cr_expect_not_null(strstr(message, "/0:3: not_json"), "%s", message);
    event_is("a", 0, 1, -1);
    dead_is(3, "not_json", "{");
    cr_expect_null(next_event());
    uint32_t kind = 0;
    cr_expect_not_null(rig_next(&rig, RIG_SHARDS, &kind));
    const struct rc_end *last = rig_next(&rig, RIG_SHARDS, &kind);
    cr_assert_not_null(last);
    cr_expect_eq(last->epoch, UINT64_MAX);
}

Test(source_file, what_cannot_be_opened_is_named)
{
    cr_expect_eq(run(), RC_ERR_IO);
    cr_expect_not_null(strstr(message, paths[0]), "%s", message);
    path_list[0] = folder;
    cr_expect_eq(run(), RC_ERR_IO);
    cr_expect_not_null(strstr(message, strerror(EISDIR)), "%s", message);
}
