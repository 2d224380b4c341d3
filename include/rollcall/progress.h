/* What an epoch is besides its events: with it and the input, the same records are made again, bit
 * for bit. It travels from ingest/ to the commit thread, is written into the progress topic in the
 * transaction of its epoch, and comes back at the next start. */
#ifndef ROLLCALL_PROGRESS_H
#define ROLLCALL_PROGRESS_H

#include "record.h"

/* How far one input partition was read. */
struct rc_cut_part {
    int64_t next_offset;
    int64_t
        largest_ms;  /* event time; its watermark is max_disorder below; RC_TIME_NONE: none yet */
    uint32_t source; /* as in rc_event */
    bool idle;
    bool spare[3];
};
static_assert(sizeof(struct rc_cut_part) == 24, "there is one per partition and epoch");

/* RC_MESSAGE_CUT, before the RC_MESSAGE_END of its epoch in the same ring. */
struct rc_cut {
    uint32_t size; /* with its parts, a multiple of 8 */
    uint32_t part_count;
    uint64_t epoch;
    int64_t now_ms;      /* where the epoch took now to; RC_TIME_NONE before the first event */
    int64_t wall_ms;     /* the wall clock at its opening, by which `future` is judged */
    int64_t distance_ms; /* how far time lags the wall clock, all being idle; RC_TIME_NONE */
    bool snapshot;       /* one is made when it is committed */
    bool recorded;       /* made again from its progress record: already committed */
    bool spare[6];
    struct rc_cut_part part[]; /* by source */
};
static_assert(sizeof(struct rc_cut) == 48, "the fixed part of a cut");

/* What the progress topic holds, as far as it was committed last. Epochs are numbered on over all
 * runs of the group; those from `first` on were made without a break from the input's beginning.
 * A snapshot can be gone on from when its epoch is `first` or later and no recorded cut is missing
 * between it and cut[0]; without one all is made again from the input's beginning, when cut[0] is
 * that of `first`. */
struct rc_progress {
    uint64_t epoch;     /* 0: the group has never committed */
    uint64_t first;     /* 0 with epoch */
    char config_id[33]; /* of the configuration that it was made under, 32 hex digits; empty: it
                           cannot be gone on from, only built anew */
    const char *config_text; /* its text, lent as the cuts are; NULL: it is not recorded */
    uint32_t config_size;
    bool other_config; /* cut[0] was made under another one: it can be gone on from, no more */
    bool has_key;      /* the group made a pseudonym key of its own */
    uint8_t key[32];
    uint32_t cut_count;  /* recorded epochs, in order and without a gap, the last being `epoch` */
    struct rc_cut **cut; /* each one piece of memory */
};

#endif
