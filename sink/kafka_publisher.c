#include "kafka_publisher.h"

#include "rollcall/check.h"
#include "rollcall/crash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRANSACTION_MS = 12000,
    TRANSACTION_MAX_MS = 96000,
    STEP_MS = 500,       /* of a wait, between two looks at whether the process is to stop */
    SAY_AFTER_MS = 1000, /* a wait that is worth a word */
    COMMIT_MS = 15000,   /* then its outcome is doubtful */
    ABORT_MS = 5000,     /* likewise; a new handle comes to the same */
    POLL_EVERY = 256
};

struct kafka_publisher {
    struct kafka_publisher_options options;
    rd_kafka_t *rk;
    rd_kafka_topic_t **rkt; /* of every output, then of the progress */
    char *id;
    int64_t transaction_ms, begun_ms;
    uint64_t in_flight, sent, failed;
    int64_t progress_offset; /* of the last record of progress */
    struct kept_record *too_large;
    int overruns; /* one after the other */
    bool transactions, open, broken, overran;
};

/* ---- the handle ---- */

static uint32_t size_of(const struct kept_record *record)
{
    return kept_size(record->key_size) + kept_size(record->value_size) + record->headers_size;
}

/* The topic of the dead letters takes less than librdkafka does, which a whole batch hears of: the
 * largest of them is not sent again, the others are. */
static void note_too_large(struct kafka_publisher *publisher, struct kept_record *record)
{
    if (record->output == kafka_output_dead(publisher->options.outputs) &&
        (!publisher->too_large || size_of(record) > size_of(publisher->too_large)))
        publisher->too_large = record;
}

/* All is to be sent again. */
static void refuse_too_large(struct kafka_publisher *publisher)
{
    if (publisher->too_large)
        publisher->too_large->refused = true;
    publisher->too_large = NULL;
}

/* thread: commit, from rd_kafka_poll and all that waits. */
static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_ear *ear = opaque;
    struct kafka_publisher *publisher = ear->producer;
    char text[400];
    (void)rk;
    publisher->in_flight--;
    if (kafka_is_kept(message)) {
        kafka_answered(ear);
        if (message->rkt == publisher->rkt[publisher->options.outputs->count])
            publisher->progress_offset = message->offset;
        return;
    }
    if (!message->err && !publisher->failed)
        kafka_note(ear, "%s [%d] may not have kept all: it is sent again",
                   rd_kafka_topic_name(message->rkt), (int)message->partition);
    publisher->failed++;
    if (!message->err)
        return;
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && message->_private)
        note_too_large(publisher, message->_private);
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    snprintf(text, sizeof text, "%s: %s", rd_kafka_topic_name(message->rkt),
             rd_kafka_err2str(message->err));
    kafka_complain(ear, message->err, text);
}

static enum rc_error open_handle(struct kafka_publisher *publisher, char ret_message[256])
{
    const struct kafka_outputs *outputs = publisher->options.outputs;
    struct kafka_producer_options options = {.config = publisher->options.config,
                                             .delivered = on_delivered,
                                             .transactional_id =
                                                 publisher->transactions ? publisher->id : NULL,
                                             .transaction_ms = publisher->transaction_ms};
    struct kafka_ear *ear = publisher->options.ear;
    ear->fatal = false;
    ear->producer = publisher;
    enum rc_error err = kafka_producer_open(&options, ear, &publisher->rk, ret_message);
    for (uint32_t i = 0; i <= outputs->count && !err; i++) {
        const char *name =
            i < outputs->count ? outputs->output[i].name : publisher->options.progress;
        if (name && !(publisher->rkt[i] = rd_kafka_topic_new(publisher->rk, name, NULL)))
            err = RC_ERR_KAFKA;
    }
    return err;
}

static void close_handle(struct kafka_publisher *publisher)
{
    for (uint32_t i = 0; publisher->rkt && i <= publisher->options.outputs->count; i++) {
        if (publisher->rkt[i])
            rd_kafka_topic_destroy(publisher->rkt[i]);
        publisher->rkt[i] = NULL;
    }
    if (!publisher->rk)
        return;
    rd_kafka_purge(publisher->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(publisher->rk, KAFKA_POLL_MS);
    rd_kafka_destroy(publisher->rk);
    publisher->rk = NULL;
    publisher->in_flight = publisher->sent = publisher->failed = 0;
    publisher->open = publisher->broken = false;
    publisher->too_large = NULL;
}

enum rc_error kafka_publisher_open(const struct kafka_publisher_options *options,
                                   struct kafka_publisher **ret_publisher, char ret_message[256])
{
    struct kafka_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return RC_ERR_MEMORY;
    publisher->options = *options;
    publisher->transaction_ms = TRANSACTION_MS;
    publisher->transactions = !options->config->output.at_least_once;
    publisher->rkt = calloc(options->outputs->count + 1, sizeof(rd_kafka_topic_t *));
    bool whole = !options->config->kafka.unit;
    if (options->id)
        publisher->id = strdup(options->id);
    else if (asprintf(&publisher->id, "%s%s", rc_unit(options->config), whole ? "/active" : "") < 0)
        publisher->id = NULL;
    enum rc_error err =
        publisher->rkt && publisher->id ? open_handle(publisher, ret_message) : RC_ERR_MEMORY;
    if (err) {
        kafka_publisher_close(publisher);
        return err;
    }
    *ret_publisher = publisher;
    return RC_OK;
}

void kafka_publisher_close(struct kafka_publisher *publisher)
{
    if (!publisher)
        return;
    /* One left open would hold up its readers until the broker ends it. */
    if (publisher->rk && publisher->transactions && publisher->open)
        rd_kafka_error_destroy(rd_kafka_abort_transaction(publisher->rk, SAY_AFTER_MS));
    close_handle(publisher);
    free(publisher->rkt);
    free(publisher->id);
    free(publisher);
}

rd_kafka_t *kafka_publisher_handle(struct kafka_publisher *publisher)
{
    return publisher->rk;
}

const char *kafka_publisher_id(const struct kafka_publisher *publisher)
{
    return publisher->id;
}

enum rc_error kafka_publisher_renew(struct kafka_publisher *publisher, char ret_message[256])
{
    /* A broker was away; more than once: the epoch is larger than the time is made for. */
    publisher->overruns = publisher->overran ? publisher->overruns + 1 : 0;
    publisher->transaction_ms = TRANSACTION_MS;
    for (int i = 1; i < publisher->overruns && publisher->transaction_ms < TRANSACTION_MAX_MS; i++)
        publisher->transaction_ms *= 2;
    close_handle(publisher);
    return open_handle(publisher, ret_message);
}

int64_t kafka_publisher_progress(const struct kafka_publisher *publisher)
{
    return publisher->progress_offset;
}

bool kafka_publisher_overran(const struct kafka_publisher *publisher)
{
    return publisher->overran;
}

/* ---- what librdkafka answers ---- */

/* Takes the error. What is retriable is everyday while a broker is away: the error callback has
 * said why. */
enum answer { ANSWER_DONE, ANSWER_RETRY, ANSWER_ABORT, ANSWER_FATAL, ANSWER_OTHER };

static enum answer answer_of(struct kafka_publisher *publisher, rd_kafka_error_t *error)
{
    struct kafka_ear *ear = publisher->options.ear;
    enum answer answer = ANSWER_DONE;
    if (!error) {
        kafka_answered(ear);
        return answer;
    }
    if (rd_kafka_error_is_fatal(error) || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__FATAL)
        answer = ANSWER_FATAL;
    else if (rd_kafka_error_txn_requires_abort(error))
        answer = ANSWER_ABORT;
    else if (rd_kafka_error_is_retriable(error))
        answer = ANSWER_RETRY;
    else
        answer = ANSWER_OTHER;
    if (answer == ANSWER_ABORT || answer == ANSWER_OTHER)
        kafka_complain(ear, rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return answer;
}

/* Between two attempts of something retriable. false: no further one. */
static bool wait_on(struct kafka_publisher *publisher, int64_t since_ms, int64_t limit_ms)
{
    struct kafka_wait *wait = publisher->options.wait;
    int64_t waited_ms = kafka_steady_ms() - since_ms;
    rd_kafka_poll(publisher->rk, 0);
    if (waited_ms >= SAY_AFTER_MS)
        kafka_wait_stage(wait, KAFKA_STAGE_WAITING);
    return !kafka_wait_over(wait) && (!limit_ms || waited_ms < limit_ms);
}

static void pause_ms(struct kafka_publisher *publisher, int64_t length_ms)
{
    int64_t until_ms = kafka_steady_ms() + length_ms;
    while (kafka_steady_ms() < until_ms && !kafka_wait_over(publisher->options.wait))
        rd_kafka_poll(publisher->rk, KAFKA_POLL_MS);
}

static bool fenced(const struct kafka_publisher *publisher)
{
    char reason[200];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(publisher->rk, reason, sizeof reason);
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
           code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
}

enum kafka_outcome kafka_publisher_fence(struct kafka_publisher *publisher)
{
    int64_t backoff_ms = KAFKA_BACKOFF_MS;
    char message[256];
    while (publisher->transactions) {
        enum answer answer =
            answer_of(publisher, rd_kafka_init_transactions(publisher->rk, STEP_MS));
        rd_kafka_poll(publisher->rk, 0);
        if (answer == ANSWER_DONE)
            break;
        if (kafka_wait_over(publisher->options.wait))
            return KAFKA_LEFT;
        if (answer == ANSWER_RETRY) {
            pause_ms(publisher, KAFKA_POLL_MS);
            continue;
        }
        if (answer == ANSWER_FATAL && fenced(publisher))
            return KAFKA_FENCED;
        /* Not being allowed is fatal to a handle; rights may come. */
        pause_ms(publisher, backoff_ms);
        backoff_ms = kafka_wait_longer(backoff_ms);
        close_handle(publisher);
        if (open_handle(publisher, message))
            return KAFKA_LEFT;
    }
    return KAFKA_DONE;
}

/* ---- sending ---- */

static bool begin(struct kafka_publisher *publisher)
{
    if (publisher->open || publisher->broken)
        return !publisher->broken;
    publisher->begun_ms = kafka_steady_ms();
    publisher->sent = publisher->failed = 0;
    publisher->open = true;
    publisher->broken =
        publisher->transactions &&
        answer_of(publisher, rd_kafka_begin_transaction(publisher->rk)) != ANSWER_DONE;
    return !publisher->broken;
}

/* NULL: it has none. */
static rd_kafka_headers_t *make_headers(const struct kept_record *record)
{
    const char *at = kept_headers(record), *end = at + record->headers_size;
    rd_kafka_headers_t *headers = record->headers_size ? rd_kafka_headers_new(8) : NULL;
    while (at < end) {
        uint32_t size[2];
        memcpy(size, at, sizeof size);
        at += sizeof size;
        rd_kafka_header_add(headers, at, (ssize_t)size[0],
                            size[1] == KEPT_ABSENT ? NULL : at + size[0],
                            (ssize_t)kept_size(size[1]));
        at += size[0] + kept_size(size[1]);
    }
    return headers;
}

/* One attempt; takes the headers when it succeeds. */
static rd_kafka_resp_err_t produce(struct kafka_publisher *publisher, const rd_kafka_vu_t *list,
                                   size_t count)
{
    rd_kafka_error_t *error = rd_kafka_produceva(publisher->rk, list, count);
    rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        kafka_complain(publisher->options.ear, code, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    publisher->in_flight += !code;
    return code;
}

/* As produce, waiting while the queue is full. AGAIN, INPUT, KAFKA as kafka_publisher_send. */
static enum rc_error produce_wait(struct kafka_publisher *publisher, const rd_kafka_vu_t *list,
                                  size_t count)
{
    int64_t since_ms = 0;
    for (;;) {
        switch (produce(publisher, list, count)) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            return RC_OK;
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            break;
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            return RC_ERR_INPUT;
        default: /* the transaction, or the handle, has failed */
            publisher->broken = true;
            return RC_ERR_AGAIN;
        }
        if (!since_ms)
            since_ms = kafka_steady_ms();
        rd_kafka_poll(publisher->rk, KAFKA_POLL_MS);
        if (!wait_on(publisher, since_ms, 0))
            return RC_ERR_KAFKA;
    }
}

enum rc_error kafka_publisher_put(struct kafka_publisher *publisher, const rd_kafka_vu_t *list,
                                  size_t count)
{
    if (!begin(publisher))
        return RC_ERR_AGAIN;
    if (!publisher->sent)
        rc_crash_at(RC_CRASH_produce_before);
    enum rc_error err = produce_wait(publisher, list, count);
    if (!err && ++publisher->sent % POLL_EVERY == 0)
        rd_kafka_poll(publisher->rk, 0);
    return err;
}

rd_kafka_topic_t *kafka_publisher_topic(const struct kafka_publisher *publisher, uint32_t output)
{
    return publisher->rkt[output];
}

enum rc_error kafka_publisher_send(struct kafka_publisher *publisher, struct kept_record *record,
                                   int64_t timestamp_ms)
{
    rd_kafka_headers_t *headers = make_headers(record);
    const rd_kafka_vu_t list[] = {
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = record},
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = publisher->rkt[record->output]},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0}, /* lent: not copied */
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)kept_key(record), kept_size(record->key_size)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)kept_value(record), kept_size(record->value_size)}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers}};
    enum rc_error err = kafka_publisher_put(publisher, list, headers ? 7 : 6);
    if (err && headers)
        rd_kafka_headers_destroy(headers);
    return err;
}

static enum rc_error send_progress(struct kafka_publisher *publisher,
                                   const struct kafka_commit *commit)
{
    const struct kafka_publisher_options *options = &publisher->options;
    const char *group = rc_unit(options->config);
    const rd_kafka_vu_t list[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = publisher->rkt[options->outputs->count]},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = rc_own_partition(options->config)},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = commit->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)group, strlen(group)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)commit->progress, commit->progress_size}}};
    return commit->progress ? produce_wait(publisher, list, 6) : RC_OK;
}

/* ---- committing ---- */

/* A fatal error, or none that is known: the handle is of no more use. */
static enum kafka_outcome outcome_of_fatal(struct kafka_publisher *publisher)
{
    publisher->overran = kafka_steady_ms() - publisher->begun_ms >= publisher->transaction_ms;
    return fenced(publisher) ? KAFKA_FENCED : KAFKA_DOUBTFUL;
}

static enum kafka_outcome leave_or(struct kafka_publisher *publisher, enum kafka_outcome outcome)
{
    publisher->overran = kafka_steady_ms() - publisher->begun_ms >= publisher->transaction_ms;
    return kafka_wait_over(publisher->options.wait) ? KAFKA_LEFT : outcome;
}

static enum kafka_outcome abort_all(struct kafka_publisher *publisher)
{
    int64_t since_ms = kafka_steady_ms();
    enum answer answer;
    do
        answer = answer_of(publisher, rd_kafka_abort_transaction(publisher->rk, STEP_MS));
    while (answer == ANSWER_RETRY && wait_on(publisher, since_ms, ABORT_MS));
    if (answer == ANSWER_FATAL)
        return outcome_of_fatal(publisher);
    if (answer != ANSWER_DONE)
        return leave_or(publisher, KAFKA_DOUBTFUL);
    while (publisher->in_flight && !kafka_wait_over(publisher->options.wait))
        rd_kafka_poll(publisher->rk, KAFKA_POLL_MS);
    publisher->open = publisher->broken = false;
    refuse_too_large(publisher);
    return leave_or(publisher, KAFKA_ABORTED);
}

static enum answer send_offsets(struct kafka_publisher *publisher,
                                const rd_kafka_topic_partition_list_t *offsets)
{
    const struct kafka_publisher_options *options = &publisher->options;
    rd_kafka_consumer_group_metadata_t *member =
        options->membership ? options->membership(options->membership_opaque) : NULL;
    if (!member)
        member = rd_kafka_consumer_group_metadata_new(options->config->kafka.group);
    int64_t since_ms = kafka_steady_ms();
    enum answer answer;
    do
        answer = answer_of(publisher, rd_kafka_send_offsets_to_transaction(publisher->rk, offsets,
                                                                           member, 4 * STEP_MS));
    while (answer == ANSWER_RETRY && wait_on(publisher, since_ms, publisher->transaction_ms));
    rd_kafka_consumer_group_metadata_destroy(member);
    return answer;
}

/* librdkafka tells of a transaction that has failed when it is asked for something that it cannot
 * do while one is open. */
static bool has_failed(struct kafka_publisher *publisher)
{
    rd_kafka_error_t *error = rd_kafka_begin_transaction(publisher->rk);
    bool failed =
        error && (rd_kafka_error_txn_requires_abort(error) || rd_kafka_error_is_fatal(error));
    rd_kafka_error_destroy(error);
    return failed;
}

/* Until all that was sent is answered for; where it is not, the commit says why. */
static void hear_of_all(struct kafka_publisher *publisher)
{
    int64_t since_ms = kafka_steady_ms();
    while (publisher->in_flight) {
        rd_kafka_flush(publisher->rk, KAFKA_POLL_MS);
        if (publisher->in_flight &&
            (has_failed(publisher) || !wait_on(publisher, since_ms, COMMIT_MS)))
            break;
    }
}

static enum kafka_outcome end(struct kafka_publisher *publisher)
{
    enum answer answer;
    hear_of_all(publisher);
    if (!publisher->in_flight && publisher->failed)
        return abort_all(publisher);
    int64_t since_ms = kafka_steady_ms();
    rc_crash_at(RC_CRASH_commit_before);
    /* Called again it goes on with the same commit. */
    do
        answer = answer_of(publisher, rd_kafka_commit_transaction(publisher->rk, STEP_MS));
    while (answer == ANSWER_RETRY && wait_on(publisher, since_ms, COMMIT_MS));
    if (answer == ANSWER_ABORT)
        return abort_all(publisher);
    if (answer == ANSWER_FATAL)
        return outcome_of_fatal(publisher);
    if (answer != ANSWER_DONE)
        return leave_or(publisher, KAFKA_DOUBTFUL);
    rc_crash_at(RC_CRASH_commit_after);
    while (publisher->in_flight)
        rd_kafka_poll(publisher->rk, KAFKA_POLL_MS);
    publisher->open = publisher->overran = false;
    return KAFKA_DONE;
}

/* Without transactions: until all is delivered. */
static enum kafka_outcome deliver(struct kafka_publisher *publisher)
{
    int64_t since_ms = kafka_steady_ms();
    while (publisher->in_flight) {
        rd_kafka_flush(publisher->rk, KAFKA_POLL_MS);
        if (publisher->options.ear->fatal)
            return KAFKA_DOUBTFUL;
        if (publisher->in_flight && !wait_on(publisher, since_ms, 0))
            return KAFKA_LEFT;
    }
    if (!publisher->failed)
        return KAFKA_DONE;
    publisher->open = false;
    refuse_too_large(publisher);
    return KAFKA_ABORTED;
}

/* Records before the progress that names them, and both before the offsets. */
static enum kafka_outcome commit_plainly(struct kafka_publisher *publisher,
                                         const struct kafka_commit *commit)
{
    if (publisher->broken)
        return KAFKA_DOUBTFUL;
    enum kafka_outcome outcome = deliver(publisher);
    if (outcome)
        return outcome;
    enum rc_error err = send_progress(publisher, commit);
    if (err)
        return err == RC_ERR_KAFKA ? KAFKA_LEFT : KAFKA_DOUBTFUL;
    outcome = deliver(publisher);
    rc_crash_at(RC_CRASH_produce_after);
    publisher->open = false;
    return outcome;
}

enum kafka_outcome kafka_publisher_commit(struct kafka_publisher *publisher,
                                          const struct kafka_commit *commit)
{
    begin(publisher);
    if (!publisher->transactions)
        return commit_plainly(publisher, commit);
    enum rc_error err = publisher->broken ? RC_ERR_AGAIN : send_progress(publisher, commit);
    if (err)
        return err == RC_ERR_KAFKA ? KAFKA_LEFT : abort_all(publisher);
    rc_crash_at(RC_CRASH_produce_after);
    rc_crash_at(RC_CRASH_offsets_before);
    if (commit->offsets) {
        /* Members' offsets are refused while the group is shared out anew, which happens with each
         * task that moves; librdkafka 2.0.2 needs a new producer for a transaction that is aborted
         * while records of it wait, and that takes a second. */
        if (publisher->options.config->kafka.unit)
            rd_kafka_flush(publisher->rk, STEP_MS);
        enum answer answer = send_offsets(publisher, commit->offsets);
        if (answer == ANSWER_FATAL)
            return outcome_of_fatal(publisher);
        if (answer != ANSWER_DONE)
            return abort_all(publisher);
    }
    rc_crash_at(RC_CRASH_offsets_after);
    return end(publisher);
}
