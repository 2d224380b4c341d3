/* Snapshots to the topic and back without the rest of the program, for tests/system.
 *
 *   snapshot_probe CONFIG epochs FROM TO      commits these epochs: their progress records
 *   snapshot_probe CONFIG upload EPOCH        writes a file into snapshot.dir and uploads it
 *   snapshot_probe CONFIG send FILE           uploads that file
 *   snapshot_probe CONFIG download ABOVE LAST prints the epoch that came, all of it being right
 *
 * What a snapshot holds follows from its epoch. The exit code is 0; 3: there is none to download;
 * 1: an error, which is printed. */
#include "config_load.h"
#include "rollcall/sink.h"
#include "snapshot_parts.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rc_config *config;
static _Atomic bool leave;

static void say(void *opaque, const char *line)
{
    (void)opaque;
    printf("%s\n", line);
    fflush(stdout);
}

static int failed(const char *what, enum rc_error err, const char *message)
{
    printf("%s: %s: %s\n", what, rc_error_text(err), message);
    return 1;
}

/* ---- progress ---- */

static const char *name_source(const void *opaque, uint32_t source, int32_t *ret_partition)
{
    (void)opaque;
    *ret_partition = (int32_t)source;
    return "contact.calls";
}

static bool find_source(const void *opaque, const char *topic, int32_t partition,
                        uint32_t *ret_source)
{
    (void)opaque;
    *ret_source = (uint32_t)partition;
    return strcmp(topic, "contact.calls") == 0 && partition < 1;
}

static enum rc_error commit_epoch(struct sink_output *output, uint64_t epoch)
{
    uint32_t size = sizeof(struct rc_cut) + sizeof(struct rc_cut_part);
    struct rc_cut *cut = calloc(1, size);
    *cut = (struct rc_cut){.size = size,
                           .part_count = 1,
                           .epoch = epoch,
                           .now_ms = 1000 + (int64_t)epoch,
                           .wall_ms = 1000 + (int64_t)epoch,
                           .distance_ms = RC_TIME_NONE};
    cut->part[0] = (struct rc_cut_part){.next_offset = (int64_t)epoch, .largest_ms = 1000};
    const struct sink_epoch of = {.epoch = epoch, .now_ms = cut->now_ms, .cut = cut};
    enum rc_error err = output->epoch(output->self, &of);
    free(cut);
    return err;
}

static int make_epochs(uint64_t from, uint64_t to)
{
    struct sink_output output = {0};
    const struct rc_progress *progress;
    char message[256] = "";
    struct sink_kafka_options options = {.config = config,
                                         .source = name_source,
                                         .say = say,
                                         .leave = &leave,
                                         .source_of = find_source};
    enum rc_error err = sink_kafka_open(&options, &output, message);
    if (!err)
        err = sink_kafka_prepare(&output, &progress, message);
    if (!err && progress->epoch)
        sink_kafka_resume(&output, 0);
    for (uint64_t epoch = from; epoch <= to && !err; epoch++)
        err = commit_epoch(&output, epoch);
    if (err && !message[0] && output.message)
        snprintf(message, sizeof message, "%s", output.message(output.self));
    if (output.close)
        output.close(output.self);
    return err ? failed("epochs", err, message) : 0;
}

/* ---- snapshots ---- */

/* Sizes of several frames, too; some tasks have none. */
static struct fixture_parts parts_of(uint64_t epoch)
{
    struct fixture_parts parts = {.seed = (uint32_t)epoch};
    for (uint32_t i = 0; i <= TASKS; i++)
        parts.size[i] = i % 3 == 1 ? NO_PART : (uint32_t)(1000 + epoch * 13 + i * 400000);
    return parts;
}

static struct sink_uploader *uploader_open(void)
{
    struct sink_uploader *uploader;
    char message[256];
    const struct sink_uploader_options options = {.config = config, .say = say, .leave = &leave};
    return sink_uploader_open(&options, &uploader, message) ? NULL : uploader;
}

static int send_file(const char *path)
{
    char message[256];
    struct sink_uploader *uploader = uploader_open();
    enum rc_error err = sink_snapshot_upload(uploader, path, message);
    sink_uploader_close(uploader);
    return err ? failed("upload", err, message) : 0;
}

static int upload(uint64_t epoch)
{
    char path[4400], message[256];
    struct fixture_parts parts = parts_of(epoch);
    const struct sink_snapshot_parts all = fixture_of(&parts);
    struct sink_snapshot_head head = fixture_head(config->kafka.group, epoch);
    enum rc_error err =
        sink_snapshot_write(config->snapshot.dir, config->snapshot.keep, &head, &all, message);
    if (err)
        return failed("write", err, message);
    sink_snapshot_path(config->snapshot.dir, config->kafka.group, epoch, path, sizeof path);
    return send_file(path);
}

static int download(uint64_t above, uint64_t last)
{
    char message[256];
    _Atomic uint64_t done = 0;
    struct sink_snapshot *snapshot = NULL;
    struct sink_uploader *uploader = uploader_open();
    enum rc_error err = sink_snapshot_download(uploader, above, last, &done, &snapshot, message);
    sink_uploader_close(uploader);
    if (err == RC_ERR_END)
        return 3;
    if (err)
        return failed("download", err, message);
    uint64_t epoch = sink_snapshot_head(snapshot)->epoch;
    struct fixture_parts parts = parts_of(epoch);
    const struct sink_snapshot_parts all = fixture_of(&parts);
    done = 0;
    err = sink_snapshot_restore(snapshot, &all, &done, message);
    sink_snapshot_close(snapshot);
    if (err)
        return failed("restore", err, message);
    printf("epoch %" PRIu64 ", %u parts\n", epoch, parts.restored);
    return 0;
}

int main(int argc, char **argv)
{
    struct config_loaded *loaded;
    if (argc < 4 || config_load("snapshot_probe", argv[1], stderr, &loaded))
        return 64;
    config = loaded->config;
    uint64_t first = strtoull(argv[3], NULL, 10),
             second = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    int code = 64;
    if (!strcmp(argv[2], "epochs"))
        code = make_epochs(first, second);
    else if (!strcmp(argv[2], "upload"))
        code = upload(first);
    else if (!strcmp(argv[2], "send"))
        code = send_file(argv[3]);
    else if (!strcmp(argv[2], "download"))
        code = download(first, second);
    config_free(loaded);
    return code;
}
