/* For tests: the process kills itself at a named step, as a power cut would. ROLLCALL_CRASH=NAME:N
 * in the environment kills it when the step NAME is passed for the N-th time. */
#ifndef ROLLCALL_CRASH_H
#define ROLLCALL_CRASH_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define RC_CRASH_STEPS(X)                                                                          \
    X(produce_before) /* the first record of an epoch */                                           \
    X(produce_after)  /* all records of it, and its progress record */                             \
    X(offsets_before) /* the input offsets of the transaction */                                   \
    X(offsets_after)                                                                               \
    X(commit_before)                                                                               \
    X(commit_after)                                                                                \
    X(snapshot_write) /* by the child, in the middle of the file */                                \
    X(snapshot_rename_before)                                                                      \
    X(snapshot_rename_after)                                                                       \
    X(upload_before)                                                                               \
    X(upload_middle)                                                                               \
    X(upload_after)
#define RC_CRASH_STEP(name) RC_CRASH_##name,
enum rc_crash_step { RC_CRASH_STEPS(RC_CRASH_STEP) RC_CRASH_STEP_COUNT };
#undef RC_CRASH_STEP
#define RC_CRASH_STEP(name) #name,
static const char *const rc_crash_step_name[] = {RC_CRASH_STEPS(RC_CRASH_STEP)};
#undef RC_CRASH_STEP

/* Passages are counted in each file that has steps; a step stands in one file alone. */
static inline void rc_crash_at(enum rc_crash_step step)
{
    static unsigned long passed[RC_CRASH_STEP_COUNT];
    const char *at = getenv("ROLLCALL_CRASH"), *name = rc_crash_step_name[step];
    size_t size = strlen(name);
    if (at && !strncmp(at, name, size) && at[size] == ':' &&
        ++passed[step] == strtoul(at + size + 1, NULL, 10))
        raise(SIGKILL);
}

#endif
