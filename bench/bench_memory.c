/* What remembering costs: bytes of a contact, a ticket, an identity, an episode, a customer, a
 * queue and a window, counted in the pools of one task after simulated days, and again when the
 * contacts have been forgotten and only their identities are left.
 *
 *   bench_memory [EVENTS [CONFIG [DAYS [TICKETS]]]]      500000, deploy/rollcall.yaml, 1, 0
 *
 * TICKETS: the share of tickets among the contacts, in percent. */
#include "bench_load.h"
#include "config_load.h"
#include "window.h"
#include <inttypes.h>

enum { CLIENTS = 20, QUEUES = 5, STEP = 8192 };
static const int64_t day_ms = 86400000;

static void drop(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    (void)opaque, (void)kind, (void)message, (void)size;
}

static double share(uint64_t bytes, uint64_t count)
{
    return count ? (double)bytes / (double)count : 0;
}

/* ---- counting ---- */

/* Of one kind: calls and chats, tickets of at most eight points, tickets of more. */
enum { POINTS_FEW = 8 };
struct contacts {
    uint64_t live, more, due, points;
};

struct counted {
    uint64_t due[AGG_DUE_KIND_COUNT];
    struct contacts visit, ticket, long_ticket;
    uint64_t identity_text, names;
    uint64_t warm, pane_sums, packed, bucket_sums;
};

static uint64_t text_bytes(uint32_t ref, uint32_t size)
{
    return ref ? (size + 7u) / 8u * 8u : 0;
}

static struct contacts *contacts_of(struct counted *counted, const struct agg_contact *contact)
{
    if (contact->channel != RC_TICKET)
        return &counted->visit;
    return contact->point_count <= POINTS_FEW ? &counted->ticket : &counted->long_ticket;
}

static void count_due(const struct agg_task *task, struct counted *counted)
{
    const struct agg_due *due = &task->due;
    for (uint32_t level = 0; level < DUE_LEVELS; level++)
        for (uint32_t slot = 0; slot < DUE_SLOTS; slot++)
            for (uint32_t ref = due->slot[level][slot]; ref;) {
                const struct agg_due_entry *entry = agg_pool_at(&due->pool, ref);
                counted->due[entry->kind]++;
                if (entry->kind == AGG_DUE_CONTACT || entry->kind == AGG_DUE_FORGET)
                    contacts_of(counted, agg_contact_at(task, entry->ref))->due++;
                ref = entry->next;
            }
}

/* A conversation's record and its text. */
static uint64_t conversation_bytes(const struct agg_task *task, uint32_t ref)
{
    if (!ref)
        return 0;
    const struct agg_conversation *conversation = agg_conversation_at(task, ref);
    return sizeof *conversation + text_bytes(conversation->text, conversation->size);
}

/* Its texts, its points and its rare facts. */
static void count_contact(const struct agg_task *task, const struct agg_contact *contact,
                          struct contacts *contacts)
{
    contacts->live++;
    contacts->points += contact->point_count;
    contacts->more += text_bytes(contact->id, contact->id_size) +
                      conversation_bytes(task, contact->conversation) +
                      (contact->rare ? task->rare.item_size : 0) +
                      (contact->points ? task->point[contact->point_class].item_size : 0);
}

static void count_texts(const struct agg_task *task, struct counted *counted)
{
    for (uint32_t ref = 1; ref < task->contact.next; ref++) {
        const struct agg_contact *contact = agg_contact_at(task, ref);
        if (contact->flags & AGG_LIVE)
            count_contact(task, contact, contacts_of(counted, contact));
    }
    for (uint32_t ref = 1; ref < task->identity.next; ref++) {
        const struct agg_identity *identity = agg_identity_at(task, ref);
        if (identity->live)
            counted->identity_text += text_bytes(identity->id, identity->id_size);
    }
    for (uint32_t ref = 1; ref < task->queue.next; ref++)
        counted->names += text_bytes(1, agg_queue_at(task, ref)->name_size);
}

static void count_sums(const struct agg_task *task, struct counted *counted)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < AGG_SUM_CLASSES; i++)
        all += task->sum[i].live * task->sum[i].item_size;
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (!pane->live)
            continue;
        counted->warm += pane->warm;
        counted->packed += pane->warm ? 0 : text_bytes(pane->content, pane->packed_size);
        if (pane->warm && agg_warm_at(task, pane->content)->sums.ref)
            counted->pane_sums += task->sum[agg_warm_at(task, pane->content)->sums.class].item_size;
    }
    counted->bucket_sums = all - counted->pane_sums;
}

/* ---- tables ---- */

/* name: count; the record, what hangs on it, its places in an index, its entries in the queue. */
static void print_line(const char *name, uint64_t count, uint64_t item, uint64_t more,
                       uint64_t index, uint64_t due)
{
    uint64_t dues = due * sizeof(struct agg_due_entry);
    if (count == 0)
        return;
    printf("  %-12s %9" PRIu64 " %8" PRIu64 " %8.1f %8.1f %8.1f %9.1f\n", name, count, item,
           share(more, count), share(index, count), share(dues, count),
           share(count * item + more + index + dues, count));
}

/* Each pane has one entry in the due queue and one place in the index. */
static void print_panes(const struct agg_task *task, const struct counted *n)
{
    uint64_t all = task->pane.live, cold = all - n->warm;
    uint64_t index = agg_index_bytes(&task->pane_index);
    uint64_t warm_index = all ? index * n->warm / all : 0;
    print_line("warm pane", n->warm, sizeof(struct agg_pane) + sizeof(struct agg_warm),
               n->pane_sums, warm_index, n->warm);
    print_line("cold pane", cold, sizeof(struct agg_pane), n->packed, index - warm_index, cold);
}

static void print_contacts(const struct agg_task *task, const char *name,
                           const struct contacts *contacts)
{
    uint64_t index = agg_index_bytes(&task->contact_index);
    if (contacts->live)
        print_line(name, contacts->live, sizeof(struct agg_contact), contacts->more,
                   index * contacts->live / task->contact.live, contacts->due);
}

static void print_task(const struct agg_task *task, const char *when)
{
    struct counted n = {0};
    uint64_t rolls =
        task->roll.live * task->roll.item_size + task->link.live * sizeof(struct agg_link);
    count_due(task, &n);
    count_texts(task, &n);
    count_sums(task, &n);
    printf("%s\n  %-12s %9s %8s %8s %8s %8s %9s\n", when, "one", "there are", "record", "more",
           "index", "due", "bytes");
    print_contacts(task, "call or chat", &n.visit);
    print_contacts(task, "ticket", &n.ticket);
    print_contacts(task, "long ticket", &n.long_ticket);
    print_line("identity", task->identity.live, sizeof(struct agg_identity), n.identity_text,
               agg_index_bytes(&task->identity_index), n.due[AGG_DUE_IDENTITY]);
    struct agg_memory legs = {0};
    agg_legs_count(task, &legs);
    print_line("episode", task->episode.live, sizeof(struct agg_episode), legs.mapped - legs.idle,
               agg_index_bytes(&task->episode_index),
               n.due[AGG_DUE_VERDICT] + n.due[AGG_DUE_EPISODE]);
    print_line("customer", task->customer_index.count, 0, 0, agg_index_bytes(&task->customer_index),
               0);
    print_line("queue", task->queue.live, sizeof(struct agg_queue), n.names,
               agg_index_bytes(&task->queue_index), 0);
    print_line("key", task->key.live, sizeof(struct agg_key), rolls,
               agg_index_bytes(&task->key_index), n.due[AGG_DUE_CARRY] + n.due[AGG_DUE_ROLL_WAKE]);
    print_panes(task, &n);
    print_line("bucket", task->bucket.live, sizeof(struct agg_bucket), n.bucket_sums, 0, 0);
    if (n.ticket.live)
        printf("  a ticket has up to %d points, %.1f in the mean, a long one %.1f\n", POINTS_FEW,
               share(n.ticket.points, n.ticket.live),
               share(n.long_ticket.points, n.long_ticket.live));
    uint64_t all = agg_task_memory(task).mapped;
    printf("  all that is mapped: %.1f MB", (double)all / 1e6);
    if (task->contact.live)
        printf(", %.0f bytes a contact with its share of everything",
               share(all, task->contact.live));
    printf("\n");
}

/* ---- the days ---- */

static void step(struct agg *agg, struct agg_task *task, int64_t now_ms)
{
    static const struct rc_mark records = {.now_ms = RC_TIME_NONE, .wall_ms = RC_TIME_NONE};
    agg_task_advance(task, now_ms);
    agg_mark(agg, &records); /* hands out what was made */
}

/* Line by line, as the lines of many days do not fit into memory. */
static int64_t take_days(struct sim *sim, const struct rc_config *config, struct agg *agg,
                         struct agg_task *task)
{
    static union load_event room;
    static char text[4096 + INGEST_PADDING];
    struct ingest_decoder_options options = {config, 1};
    struct ingest_decoder *decoder;
    struct sim_event made;
    load_check(ingest_decoder_open(&options, &decoder) == RC_OK, "no decoder");
    int64_t now_ms = 0;
    for (uint64_t i = 0; sim_next(sim, &made); i++) {
        struct load_line line = {0, made.json_len};
        struct load load = {.text = text, .line = &line};
        load_check(made.json_len <= 4096, "a line too long");
        memcpy(text, made.json, made.json_len);
        const struct rc_event *ev = load_decode(&load, 0, decoder, RC_TIME_NONE, &room);
        agg_order_put(&task->order, ev);
        now_ms = ev->time_ms; /* simulated without disorder */
        if (i % STEP == STEP - 1)
            step(agg, task, now_ms);
    }
    step(agg, task, now_ms + 1);
    ingest_decoder_close(decoder);
    return now_ms + 1;
}

struct wish { /* of the command line */
    uint64_t events, days, tickets;
    const char *config;
};

static bool wish_read(int argc, char **argv, struct wish *wish)
{
    *wish = (struct wish){500000, 1, 0, "deploy/rollcall.yaml"};
    wish->events = argc > 1 ? strtoull(argv[1], NULL, 10) : wish->events;
    wish->config = argc > 2 ? argv[2] : wish->config;
    wish->days = argc > 3 ? strtoull(argv[3], NULL, 10) : wish->days;
    wish->tickets = argc > 4 ? strtoull(argv[4], NULL, 10) : wish->tickets;
    return argc <= 5 && wish->events >= 1000 && wish->days >= 1 && wish->tickets <= 75;
}

static struct sim *sim_make(const struct wish *wish)
{
    struct sim_options options = sim_default_options();
    struct sim *sim;
    uint64_t queues = (uint64_t)CLIENTS * QUEUES;
    options.clients = CLIENTS;
    options.queues_per_client = QUEUES;
    options.events_max = wish->events;
    options.duration_ms = (int64_t)wish->days * day_ms;
    options.ticket_share = (double)wish->tickets / 100;
    options.contacts_per_day_per_queue = (uint32_t)(wish->events / (queues * 5 * wish->days) + 1);
    load_check(sim_open(&options, &sim) == RC_OK, "the simulator does not start");
    return sim;
}

int main(int argc, char **argv)
{
    static struct rc_shard_stats stats;
    struct config_loaded *loaded;
    struct wish wish;
    struct agg *agg;
    if (!wish_read(argc, argv, &wish)) {
        fprintf(stderr, "usage: bench_memory [EVENTS [CONFIG [DAYS [TICKETS]]]], 1000 events at "
                        "least, tickets up to 75 percent\n");
        return 64;
    }
    if (config_load("bench", wish.config, stderr, &loaded) != RC_OK)
        return 78;
    struct agg_options options = {
        .config = loaded->config, .shard_count = 1, .pseudonym = ingest_pseudonym};
    load_check(agg_open(&options, drop, NULL, &agg) == RC_OK, "no core");
    struct agg_task *task = agg_task_open(agg, RC_TIME_NONE);
    task->stats = &stats;
    task->latest_only = true;
    struct sim *sim = sim_make(&wish);
    printf("memory: %d clients of %d queues, %" PRIu64 " days; bytes of one\n", CLIENTS, QUEUES,
           wish.days);
    int64_t now_ms = take_days(sim, loaded->config, agg, task);
    printf("%" PRIu64 " events of %" PRIu64 " contacts\n", rc_counter_read(&stats.applied),
           rc_counter_read(&stats.contacts));
    print_task(task, "at the end of the last day");
    step(agg, task, now_ms + loaded->config->time.retention_ms[RC_CALL] + day_ms);
    print_task(task, "when calls and chats are forgotten");
    printf(
        "mapped are whole chunks of 16 KiB, and indexes grow by doubling: 12 to 24 bytes a\n"
        "place at full and at half load; the order buffer and records on their way are apart.\n");
    sim_close(sim);
    agg_task_close(task);
    agg_close(agg);
    config_free(loaded);
    return 0;
}
