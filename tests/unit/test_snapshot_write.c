#include "snapshot_fixture.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

TestSuite(snapshot_write, .init = fixture_dir_make, .fini = fixture_dir_remove);

static struct fixture_parts some = {
    .size = {100, 0, NO_PART, 5000, 1, NO_PART, SNAPSHOT_RAW_MAX, 3 * SNAPSHOT_RAW_MAX + 11, 900},
    .seed = 1};

static enum rc_error write_one(struct fixture_parts *parts, uint64_t epoch, char message[256])
{
    const struct sink_snapshot_parts all = fixture_of(parts);
    struct sink_snapshot_head head = fixture_head("g", epoch);
    return sink_snapshot_write(fixture_dir, 3, &head, &all, message);
}

Test(snapshot_write, three_generations_are_kept)
{
    for (uint64_t epoch = 10; epoch <= 50; epoch += 10)
        fixture_write(&some, "g", epoch, 3);
    cr_assert_str_eq(fixture_dir_names(), "g-00000000000000000030.snapshot "
                                          "g-00000000000000000040.snapshot "
                                          "g-00000000000000000050.snapshot ");
}

Test(snapshot_write, no_frame_is_too_large_for_a_message)
{
    size_t size, at = 0;
    struct snapshot_frame frame;
    char *bytes = fixture_file_read(fixture_write(&some, "g", 1, 3), &size);
    for (; at < size; at += sizeof frame + frame.stored_size) {
        memcpy(&frame, bytes + at, sizeof frame);
        cr_assert_lt(sizeof frame + frame.stored_size, 1000000);
    }
    cr_assert_eq(at, size);
    free(bytes);
}

Test(snapshot_write, one_that_fails_leaves_the_older_ones_and_nothing_else)
{
    char message[256];
    struct fixture_parts failing = some;
    failing.fail = RC_ERR_MEMORY;
    fixture_write(&some, "g", 1, 3);
    cr_assert_eq(write_one(&failing, 2, message), RC_ERR_MEMORY);
    cr_assert_str_eq(message, rc_error_text(RC_ERR_MEMORY));
    cr_assert_str_eq(fixture_dir_names(), "g-00000000000000000001.snapshot ");
}

/* What the disk answers at each length of the file: as if it became full there. */
Test(snapshot_write, a_disk_that_is_full_at_any_point_leaves_the_older_ones)
{
    char message[256];
    size_t size;
    free(fixture_file_read(fixture_write(&some, "g", 1, 3), &size));
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    for (size_t room = 0; room < size; room += 1 + size / 40) {
        limit = (struct rlimit){room, before.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        enum rc_error err = write_one(&some, 2, message);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        cr_assert_eq(err, RC_ERR_IO);
        cr_assert_str_eq(message, "cannot write .g-00000000000000000002.tmp: File too large");
        cr_assert_str_eq(fixture_dir_names(), "g-00000000000000000001.snapshot ");
    }
    cr_assert_eq(write_one(&some, 2, message), RC_OK, "%s", message);
}

/* ---- a disk that takes everything and keeps nothing ---- */

static int fdatasync_errno, fsync_errno, renameat_errno; /* 0: as ever */

static int fail_or(int reason, long result)
{
    if (!reason)
        return (int)result;
    errno = reason;
    return -1;
}

int fdatasync(int fd)
{
    return fail_or(fdatasync_errno, fdatasync_errno ? 0 : syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
    return fail_or(fsync_errno, fsync_errno ? 0 : syscall(SYS_fsync, fd));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fail_or(renameat_errno,
                   renameat_errno ? 0 : syscall(SYS_renameat, from_dir, from, to_dir, to));
}

Test(snapshot_write, one_that_cannot_be_synced_leaves_the_older_ones_and_nothing_else)
{
    static const struct {
        int *reason;
        const char *message;
    } calls[] = {{&fdatasync_errno, "cannot write .g-00000000000000000002.tmp: Input/output error"},
                 {&renameat_errno, "cannot write .g-00000000000000000002.tmp: Input/output error"},
                 {&fsync_errno, "cannot sync the directory of g-00000000000000000002.snapshot: "
                                "Input/output error"}};
    char message[256];
    fixture_write(&some, "g", 1, 3);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        *calls[i].reason = EIO;
        cr_assert_eq(write_one(&some, 2, message), RC_ERR_IO);
        *calls[i].reason = 0;
        cr_assert_str_eq(message, calls[i].message);
        cr_assert_str_eq(fixture_dir_names(), "g-00000000000000000001.snapshot ");
    }
    cr_assert_eq(write_one(&some, 2, message), RC_OK, "%s", message);
}

Test(snapshot_write, a_file_system_that_cannot_sync_directories_is_no_failure)
{
    char message[256];
    fsync_errno = EINVAL;
    cr_assert_eq(write_one(&some, 1, message), RC_OK, "%s", message);
    fsync_errno = 0;
    cr_assert_str_eq(fixture_dir_names(), "g-00000000000000000001.snapshot ");
}

/* In a mount namespace of its own, where the machine allows one. Exit code 77: it does not. */
static void in_small_disk(size_t bytes, void (*then)(void))
{
    pid_t child = fork();
    if (child == 0) {
        char options[64];
        snprintf(options, sizeof options, "size=%zu", bytes);
        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("small", fixture_dir, "tmpfs", 0, options))
            _exit(77);
        then();
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        cr_skip_test("no mount namespace may be made here");
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "step %d", WEXITSTATUS(status));
}

#define STEP(number, condition)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            _exit(number);                                                                         \
    } while (0)

static void fill_it(void)
{
    char message[256];
    uint64_t epoch = 1;
    STEP(10, write_one(&some, epoch++, message) == RC_OK);
    STEP(11, write_one(&some, epoch++, message) == RC_OK);
    STEP(12, write_one(&some, epoch++, message) == RC_ERR_IO);
    STEP(1, strstr(message, "No space left on device"));
    STEP(2, strstr(fixture_dir_names(), "g-00000000000000000001.snapshot"));
    STEP(3, !strstr(fixture_dir_names(), ".tmp"));
    STEP(4, mount(NULL, fixture_dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    STEP(5, write_one(&some, 99, message) == RC_ERR_DENIED);
    STEP(6, strstr(message, "Read-only file system"));
    STEP(7, strstr(fixture_dir_names(), "g-00000000000000000001.snapshot"));
}

Test(snapshot_write, a_full_disk_and_a_read_only_one_say_so)
{
    size_t size;
    free(fixture_file_read(fixture_write(&some, "g", 1, 3), &size));
    in_small_disk(size * 5 / 2, fill_it);
}

Test(snapshot_write, a_directory_that_may_not_be_written_says_so)
{
    char message[256];
    if (geteuid() == 0)
        cr_skip_test("root may write everywhere");
    chmod(fixture_dir, 0500);
    enum rc_error err = write_one(&some, 1, message);
    chmod(fixture_dir, 0700);
    cr_assert_eq(err, RC_ERR_DENIED);
    cr_assert_not_null(strstr(message, "Permission denied"));
}

/* The process dies there, as in a power cut; what is under a snapshot's name is whole. */
Test(snapshot_write, dying_at_any_step_leaves_whole_files_alone)
{
    static const char *const step[] = {"snapshot_write:1", "snapshot_write:4",
                                       "snapshot_rename_before:1", "snapshot_rename_after:1"};
    char message[256], path[SNAPSHOT_PATH_MAX];
    struct sink_snapshot *snapshot;
    uint64_t *epoch;
    uint32_t count;
    for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
        pid_t child = fork();
        if (child == 0) {
            setenv("ROLLCALL_CRASH", step[i], 1);
            write_one(&some, i + 1, message);
            _exit(0);
        }
        int status = 0;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s", step[i]);
    }
    cr_assert_eq(snapshot_dir_list(fixture_dir, "g", &epoch, &count), RC_OK);
    cr_assert_eq(count, 1, "that after the rename alone");
    cr_assert_eq(epoch[0], 4);
    free(epoch);
    sink_snapshot_path(fixture_dir, "g", 4, path, sizeof path);
    cr_assert_eq(sink_snapshot_open(path, &snapshot, message), RC_OK, "%s", message);
    sink_snapshot_close(snapshot);
    fixture_write(&some, "g", 5, 3);
    cr_assert_null(strstr(fixture_dir_names(), ".tmp"), "what they left is cleared away");
}
