/* The file of a snapshot, and the table in it. First byte 0: bytes as they stand. 1: the same, but
 * every frame has a right checksum, so that what is behind it is reached. 2: pieces {kind, part,
 * size}, compressed and framed in order. 3: the table's stream alone. 4: that of the revisions.
 *
 * Whatever is accepted can be restored without anything being read that is not there; a table that
 * came back is saved and restored to the very same bytes, revisions to as many. */
#include "bytes.h"
#include "config_load.h"
#include "continuity.h"
#include "rollcall/check.h"
#include "rollcall/sink.h"
#include "snapshot_frame.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

enum { ROOM = 1 << 20 };

static const char config_text[] = "windows: {rolling: [{name: 15m, length: 15m, every: 10s}],\n"
                                  "          interval: [30m, day]}\n";
static const struct rc_windows *windows;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void begin(void)
{
    struct config_loaded *loaded;
    FILE *nowhere = fopen("/dev/null", "we");
    RC_CHECK(nowhere != NULL);
    RC_CHECK(config_load_text("fuzz.yaml", config_text, sizeof config_text - 1, nowhere, &loaded) ==
             RC_OK);
    windows = &loaded->config->windows;
    fclose(nowhere);
}

/* ---- the file ---- */

/* Frames as the bytes say where they are, with what they need to pass. */
static size_t seal(const uint8_t *data, size_t size, char *ret_file)
{
    struct snapshot_frame frame;
    size = size < ROOM ? size : ROOM;
    memcpy(ret_file, data, size);
    for (size_t at = 0; at + sizeof frame <= size; at += sizeof frame + frame.stored_size) {
        memcpy(&frame, ret_file + at, sizeof frame);
        memcpy(frame.magic, SNAPSHOT_MAGIC, sizeof frame.magic);
        frame.version = SNAPSHOT_VERSION;
        if (frame.stored_size > size - at - sizeof frame)
            frame.stored_size = (uint32_t)(size - at - sizeof frame);
        frame.hash = snapshot_frame_hash(&frame, ret_file + at + sizeof frame);
        memcpy(ret_file + at, &frame, sizeof frame);
    }
    return size;
}

static size_t frame_up(const uint8_t *data, size_t size, char *ret_file)
{
    size_t used = 0;
    uint32_t number = 0;
    for (size_t at = 0; at + 4 <= size && used + ROOM / 2 < ROOM; number++) {
        size_t piece = data[at + 2] | (size_t)data[at + 3] << 8;
        if (piece > size - at - 4)
            piece = size - at - 4;
        char *stored = ret_file + used + sizeof(struct snapshot_frame);
        size_t stored_size = ZSTD_compress(stored, ROOM / 2, data + at + 4, piece, 1);
        RC_CHECK(!ZSTD_isError(stored_size));
        struct snapshot_frame frame = {.magic = SNAPSHOT_MAGIC_BYTES,
                                       .version = SNAPSHOT_VERSION,
                                       .kind = data[at] % 6u,
                                       .part = data[at + 1] >= 254 ? UINT32_MAX - 255 + data[at + 1]
                                                                   : data[at + 1],
                                       .raw_size = (uint32_t)piece,
                                       .stored_size = (uint32_t)stored_size,
                                       .number = number,
                                       .epoch = 1};
        frame.hash = snapshot_frame_hash(&frame, stored);
        memcpy(ret_file + used, &frame, sizeof frame);
        used += sizeof frame + stored_size;
        at += 4 + piece;
    }
    return used;
}

/* ---- what is done with it ---- */

static void save(struct sink_table *table, struct bytes *ret_bytes)
{
    const struct rc_snapshot_writer out = bytes_writer(ret_bytes);
    int64_t now_ms = sink_table_now(table);
    sink_table_begin(table);
    RC_CHECK(sink_table_save(table, &out) == RC_OK);
    sink_table_end(table, now_ms);
}

static void save_twice(struct sink_table *table)
{
    struct bytes first = {0}, second = {0};
    struct sink_table *other;
    save(table, &first);
    const struct rc_snapshot_reader in = bytes_reader(&first);
    RC_CHECK(sink_table_open(windows, &other) == RC_OK);
    RC_CHECK(sink_table_restore(other, &in) == RC_OK);
    save(other, &second);
    RC_CHECK(first.size == second.size && !memcmp(first.at, second.at, first.size));
    sink_table_close(other);
    free(first.at);
    free(second.at);
}

static enum rc_error restore_table(const struct rc_snapshot_reader *in)
{
    struct sink_table *table;
    RC_CHECK(sink_table_open(windows, &table) == RC_OK);
    enum rc_error err = sink_table_restore(table, in);
    if (!err)
        save_twice(table);
    sink_table_close(table);
    return err;
}

static void revisions_save_twice(const struct continuity *continuity)
{
    struct bytes first = {0}, second = {0};
    const struct rc_snapshot_writer out = bytes_writer(&first), again = bytes_writer(&second);
    struct continuity *other;
    RC_CHECK(continuity_save(continuity, &out) == RC_OK);
    const struct rc_snapshot_reader in = bytes_reader(&first);
    RC_CHECK(continuity_open(NULL, &other) == RC_OK);
    RC_CHECK(continuity_restore(other, &in) == RC_OK);
    RC_CHECK(continuity_keys(other) == continuity_keys(continuity));
    RC_CHECK(continuity_save(other, &again) == RC_OK);
    RC_CHECK(first.size == second.size && first.used == first.size);
    continuity_close(other);
    free(first.at);
    free(second.at);
}

static enum rc_error restore_revisions(const struct rc_snapshot_reader *in)
{
    struct continuity *continuity;
    RC_CHECK(continuity_open(NULL, &continuity) == RC_OK);
    enum rc_error err = continuity_restore(continuity, in);
    if (!err)
        revisions_save_twice(continuity);
    continuity_close(continuity);
    return err;
}

static enum rc_error restore(void *self, uint32_t part, const struct rc_snapshot_reader *in,
                             char ret_message[256])
{
    char piece[13];
    (void)self, (void)ret_message;
    if (part == SINK_SNAPSHOT_TABLE)
        return restore_table(in);
    if (part == SINK_SNAPSHOT_REVISIONS)
        return restore_revisions(in);
    while (!in->get(in->self, piece, sizeof piece))
        ;
    return RC_OK; /* though it may not be: what is left must be noticed */
}

static void use(struct sink_snapshot *snapshot)
{
    const struct sink_snapshot_parts parts = {.restore = restore};
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    _Atomic uint64_t done = 0;
    char message[256];
    uint32_t count;
    uint64_t bytes = 0;
    RC_CHECK(strlen(head->group) <= 256 && strlen(head->program) <= 64 && head->epoch > 0);
    RC_CHECK(head->config_text[head->config_size] == '\0');
    const struct sink_snapshot_part *part = sink_snapshot_part_list(snapshot, &count);
    for (uint32_t i = 0; i < count; i++)
        bytes += part[i].bytes;
    RC_CHECK(bytes == sink_snapshot_bytes(snapshot));
    enum rc_error checked = sink_snapshot_check(snapshot, message);
    RC_CHECK(!checked == !message[0]);
    enum rc_error restored = sink_snapshot_restore(snapshot, &parts, &done, message);
    RC_CHECK(!restored == !message[0] && !(checked && !restored));
    RC_CHECK(atomic_load_explicit(&done, memory_order_relaxed) <= bytes);
}

static void fuzz_file(uint8_t how, const uint8_t *data, size_t size)
{
    static char file[ROOM + 4096];
    char path[64], message[256];
    struct sink_snapshot *snapshot;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    RC_CHECK(fd >= 0);
    if (how == 0)
        memcpy(file, data, size);
    else
        size = how == 1 ? seal(data, size, file) : frame_up(data, size, file);
    RC_CHECK(write(fd, file, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (!sink_snapshot_open(path, &snapshot, message)) {
        use(snapshot);
        sink_snapshot_close(snapshot);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (windows == NULL)
        begin();
    if (size < 1 || size > ROOM / 4)
        return 0;
    struct bytes bytes = {.at = (char *)data + 1, .size = size - 1};
    const struct rc_snapshot_reader in = bytes_reader(&bytes);
    if (data[0] == 4)
        restore_revisions(&in);
    else if (data[0] % 4 == 3)
        restore_table(&in);
    else
        fuzz_file(data[0] % 4, data + 1, size - 1);
    return 0;
}
