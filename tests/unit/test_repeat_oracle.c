/* Episodes against a plain oracle that knows a list of events and nothing of lists, neighbours or
 * differences. What an oracle of the present cannot know, forgetting, is in test_repeat.c. */
#include "core_fixture.h"

enum {
    CONTACTS_MAX = 9,
    EVENTS_MAX = CONTACTS_MAX * 10,
    QUEUES = 2,
    CHANNELS = 2,
    PANES = 24, /* of 15 minutes: six hours */
    SPREAD_MIN = 300,
    NOBODY = 3, /* the customer that counts as none */
    NONE = -1
};
enum counted { YES, NO, PENDING, UNKNOWN, REPEATS, COUNTED };

struct told { /* an event of the scenario */
    struct core_event what;
    int contact, queue, conversation, customer; /* NONE: does not carry it */
    int step;                                   /* when it arrives */
};
struct scenario {
    struct core core;
    struct core_random random;
    uint32_t contacts, events, steps;
    struct told told[EVENTS_MAX];
    int64_t now[16];
};

static const char *const queue_name[QUEUES] = {"billing", "sales"};
static const char *const contact_name[CONTACTS_MAX] = {"c0", "c1", "c2", "c3", "c4",
                                                       "c5", "c6", "c7", "c8"};
/* The last two are ids of contacts: one name space. */
static const char *const conversation_name[] = {"k0", "k1", "k2", "c1", "c4"};
enum { CONVERSATIONS = 5 };

/* ---- the oracle ---- */

struct known { /* of one contact; RC_TIME_NONE where not */
    bool placed, has_flag, flag;
    int64_t queued, answered, abandoned, left, transferred, ended, wrapped, cancelled, flag_at;
    int64_t start, end, judged;
    int channel, queue, customer;
    const char *conversation;
};
struct tale { /* an episode */
    const char *name;
    bool ended, has_flag, flag;
    int64_t start, end, flag_at, next;
    int first, credited, answered, customer, queue, channel;
    bool no, repeat;
};

static void smallest(int64_t *fact, int64_t at)
{
    if (*fact == RC_TIME_NONE || at < *fact)
        *fact = at;
}

static void largest(int64_t *fact, int64_t at)
{
    if (*fact == RC_TIME_NONE || at > *fact)
        *fact = at;
}

static void know_type(struct known *known, const struct core_event *ev)
{
    switch (ev->type) {
    case RC_TYPE_queued:
        smallest(&known->queued, ev->at);
        break;
    case RC_TYPE_answered:
        smallest(&known->answered, ev->at);
        break;
    case RC_TYPE_abandoned:
        smallest(&known->abandoned, ev->at);
        break;
    case RC_TYPE_left:
        smallest(&known->left, ev->at);
        break;
    case RC_TYPE_transferred:
        smallest(&known->transferred, ev->at);
        break;
    case RC_TYPE_cancelled:
        smallest(&known->cancelled, ev->at);
        break;
    case RC_TYPE_ended:
        largest(&known->ended, ev->at);
        break;
    case RC_TYPE_wrapped:
        largest(&known->wrapped, ev->at);
        break;
    default: { /* resolved: the last one, of two at once false */
        bool value = ev->flags & RC_EVENT_RESOLVED;
        if (!known->has_flag || ev->at > known->flag_at)
            known->flag = value;
        else if (ev->at == known->flag_at)
            known->flag &= value;
        largest(&known->flag_at, ev->at);
        known->has_flag = true;
    }
    }
}

/* The contact as the events say that have come and whose time has passed. */
static struct known know(const struct scenario *s, int contact, int step)
{
    struct known k = {
        .channel = NONE, .queue = NONE, .customer = NONE, .conversation = contact_name[contact]};
    int64_t none = RC_TIME_NONE, channel_at = none, queue_at = none, customer_at = none,
            conversation_at = none, first = none;
    k.queued = k.answered = k.abandoned = k.left = k.transferred = k.ended = k.wrapped = none;
    k.cancelled = k.flag_at = none;
    for (uint32_t i = 0; i < s->events; i++) {
        const struct told *told = &s->told[i];
        int64_t at = told->what.at;
        if (told->contact != contact || told->step > step || at >= s->now[step])
            continue;
        know_type(&k, &told->what);
        smallest(&first, at);
        int channel = told->what.channel;
        if (channel_at == none || at < channel_at || (at == channel_at && channel < k.channel)) {
            k.channel = channel;
            channel_at = at;
        }
        if (told->queue != NONE &&
            (queue_at == none || at < queue_at || (at == queue_at && told->queue < k.queue))) {
            k.queue = told->queue;
            queue_at = at;
        }
        if (told->customer != NONE && (customer_at == none || at < customer_at ||
                                       (at == customer_at && told->customer < k.customer))) {
            k.customer = told->customer;
            customer_at = at;
        }
        if (told->conversation != NONE) {
            const char *name = conversation_name[told->conversation];
            if (conversation_at == none || at < conversation_at ||
                (at == conversation_at && strcmp(name, k.conversation) < 0)) {
                k.conversation = name;
                conversation_at = at;
            }
        }
    }
    k.placed = k.queue != NONE && k.cancelled == none;
    int64_t over = k.ended != none ? k.ended : k.transferred != none ? k.transferred : k.wrapped;
    k.end = over;
    if (k.answered == none && (k.abandoned != none || k.left != none)) {
        k.end = k.abandoned;
        if (k.left != none)
            smallest(&k.end, k.left);
    }
    k.start = k.queued != none ? k.queued : k.answered;
    k.judged = k.start != none ? k.start : first;
    if (k.customer == NOBODY)
        k.customer = NONE;
    return k;
}

/* Those without a start come last; ids tell those apart that start together. */
static bool before(const struct known *all, int a, int b, int64_t a_at, int64_t b_at)
{
    (void)all;
    uint64_t left = a_at == RC_TIME_NONE ? UINT64_MAX : (uint64_t)a_at;
    uint64_t right = b_at == RC_TIME_NONE ? UINT64_MAX : (uint64_t)b_at;
    return left != right ? left < right : a < b;
}

static void tell(struct tale *tale, const struct known *all, int contact)
{
    const struct known *k = &all[contact];
    tale->ended &= k->end != RC_TIME_NONE;
    largest(&tale->end, k->end);
    if (k->has_flag) {
        if (!tale->has_flag || k->flag_at > tale->flag_at)
            tale->flag = k->flag;
        else if (k->flag_at == tale->flag_at)
            tale->flag &= k->flag;
        largest(&tale->flag_at, k->flag_at);
        tale->has_flag = true;
    }
    if (tale->first == NONE || before(all, contact, tale->first, k->start, all[tale->first].start))
        tale->first = contact;
    if (k->answered == RC_TIME_NONE)
        return;
    tale->answered++;
    if (tale->credited == NONE ||
        before(all, contact, tale->credited, k->answered, all[tale->credited].answered))
        tale->credited = contact;
}

static uint32_t tales_of(const struct known *all, uint32_t contacts, struct tale *tale)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < contacts; c++) {
        uint32_t at = 0;
        if (!all[c].placed)
            continue;
        while (at < count && strcmp(tale[at].name, all[c].conversation) != 0)
            at++;
        if (at == count)
            tale[count++] = (struct tale){.name = all[c].conversation,
                                          .ended = true,
                                          .end = RC_TIME_NONE,
                                          .flag_at = RC_TIME_NONE,
                                          .first = NONE,
                                          .credited = NONE,
                                          .customer = NONE};
        tell(&tale[at], all, (int)c);
    }
    for (uint32_t i = 0; i < count; i++) {
        int place = tale[i].credited != NONE ? tale[i].credited : tale[i].first, who = NONE;
        tale[i].start = all[tale[i].first].start;
        tale[i].queue = all[place].queue;
        tale[i].channel = all[place].channel;
        for (uint32_t c = 0; c < contacts; c++)
            if (all[c].placed && !strcmp(all[c].conversation, tale[i].name) &&
                all[c].customer != NONE &&
                (who == NONE || before(all, (int)c, who, all[c].start, all[who].start)))
                who = (int)c;
        tale[i].customer = who == NONE ? NONE : all[who].customer;
    }
    return count;
}

static bool same_scope(const struct scenario *s, const struct tale *a, const struct tale *b)
{
    return s->core.contract[a->channel].fcr_scope == RC_FCR_CLIENT ||
           (a->queue == b->queue && a->channel == b->channel);
}

typedef int64_t counts[QUEUES][CHANNELS][PANES][COUNTED];

static void count_one(counts into, int queue, int channel, int64_t at, enum counted what)
{
    into[queue][channel][(at - T0) / (15 * MINUTE_MS)][what]++;
}

static void judge_tale(const struct scenario *s, struct tale *tale, uint32_t count, uint32_t i,
                       int64_t now, counts into)
{
    struct tale *me = &tale[i];
    if (!me->ended || me->credited == NONE)
        return;
    const struct rc_contract *contract = &s->core.contract[me->channel];
    if (contract->fcr_model == RC_FCR_FLAG) {
        enum counted what = !me->has_flag ? UNKNOWN : me->flag && me->answered == 1 ? YES : NO;
        count_one(into, me->queue, me->channel, me->end, what);
        return;
    }
    if (me->customer == NONE)
        return;
    me->next = INT64_MAX;
    for (uint32_t j = 0; j < count; j++)
        if (j != i && tale[j].customer == me->customer && tale[j].start != RC_TIME_NONE &&
            tale[j].start >= me->start && tale[j].start < me->next && same_scope(s, me, &tale[j]))
            me->next = tale[j].start;
    int64_t until = me->end + contract->fcr_window_ms;
    me->no = me->next <= until;
    count_one(into, me->queue, me->channel, me->end, me->no ? NO : now > until ? YES : PENDING);
    for (uint32_t j = 0; me->no && j < count; j++)
        if (j != i && tale[j].customer == me->customer && tale[j].start == me->next &&
            same_scope(s, me, &tale[j]))
            tale[j].repeat = true;
}

static void expect(const struct scenario *s, int step, counts into)
{
    struct known all[CONTACTS_MAX];
    struct tale tale[CONTACTS_MAX];
    for (uint32_t c = 0; c < s->contacts; c++)
        all[c] = know(s, (int)c, step);
    uint32_t count = tales_of(all, s->contacts, tale);
    for (uint32_t i = 0; i < count; i++)
        judge_tale(s, tale, count, i, s->now[step], into);
    for (uint32_t i = 0; i < count; i++)
        if (tale[i].repeat)
            count_one(into, all[tale[i].first].queue, all[tale[i].first].channel, tale[i].start,
                      REPEATS);
}

/* ---- what the core says ---- */

static void read_panes(struct agg_task *task, counts into)
{
    static const int figure[COUNTED] = {RC_FIG_fcr_yes, RC_FIG_fcr_no, RC_FIG_fcr_pending,
                                        RC_FIG_fcr_unknown, RC_FIG_repeats};
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        const struct agg_key *key = agg_key_at(task, pane->key);
        if (!pane->live || pane->window != 0 || key->kind != AGG_KEY_QUEUE)
            continue;
        int64_t value[RC_SUM_COUNT];
        agg_panes_flush(task, pane->key);
        agg_sums_read(task, &agg_pane_warm(task, ref)->sums, value);
        int queue = !strcmp(key->name, queue_name[0]) ? 0 : 1;
        int64_t at = (pane->start_ms - T0) / (15 * MINUTE_MS);
        cr_assert_geq(at, 0);
        for (int i = 0; i < COUNTED; i++)
            cr_assert(at < PANES || value[figure[i]] == 0, "later panes hold states alone");
        for (int i = 0; i < COUNTED && at < PANES; i++)
            into[queue][key->channel][at][i] += value[figure[i]];
    }
}

/* ---- scenarios ---- */

static int maybe(struct core_random *random, uint64_t of, int values)
{
    return core_draw(random, of) ? NONE : (int)core_draw(random, (uint64_t)values);
}

static void scenario_tell(struct scenario *s, int contact, uint8_t type, int main_queue,
                          uint8_t channel)
{
    struct core_random *random = &s->random;
    if (s->events == EVENTS_MAX)
        return;
    struct told *told = &s->told[s->events++];
    *told = (struct told){.contact = contact,
                          .queue = core_draw(random, 8) ? main_queue : maybe(random, 2, QUEUES),
                          .conversation = maybe(random, 4, CONVERSATIONS),
                          .customer = maybe(random, 2, 4),
                          .step = (int)core_draw(random, s->steps)};
    told->what = (struct core_event){
        .at = T0 + (int64_t)core_draw(random, SPREAD_MIN / 5) * 5 * MINUTE_MS,
        .contact = contact_name[contact],
        .type = type,
        .channel = core_draw(random, 10) ? channel : (uint8_t)core_draw(random, CHANNELS),
        .flags = type == RC_TYPE_resolved && core_draw(random, 2) ? RC_EVENT_RESOLVED : 0,
        .queue = told->queue == NONE ? NULL : queue_name[told->queue],
        .conversation = told->conversation == NONE ? NULL : conversation_name[told->conversation],
        .customer = told->customer == NONE ? 0 : (uint64_t)told->customer + 1,
    };
}

static void scenario_make(struct scenario *s)
{
    static const uint8_t type[] = {RC_TYPE_abandoned, RC_TYPE_left,     RC_TYPE_transferred,
                                   RC_TYPE_wrapped,   RC_TYPE_resolved, RC_TYPE_ended};
    struct core_random *random = &s->random;
    s->contacts = 2 + (uint32_t)core_draw(random, CONTACTS_MAX - 1);
    s->steps = 1 + (uint32_t)core_draw(random, 12);
    int64_t now = T0;
    for (uint32_t i = 0; i < s->steps; i++)
        s->now[i] = now += (int64_t)core_draw(random, 2 * SPREAD_MIN / s->steps + 1) * MINUTE_MS;
    for (int c = 0; c < (int)s->contacts; c++) {
        int queue = (int)core_draw(random, QUEUES);
        uint8_t channel = (uint8_t)core_draw(random, CHANNELS);
        if (core_draw(random, 8))
            scenario_tell(s, c, RC_TYPE_queued, queue, channel);
        if (core_draw(random, 4))
            scenario_tell(s, c, RC_TYPE_answered, queue, channel);
        if (core_draw(random, 4))
            scenario_tell(s, c, RC_TYPE_ended, queue, channel);
        for (uint64_t more = core_draw(random, 4); more > 0; more--)
            scenario_tell(s, c, type[core_draw(random, sizeof type)], queue, channel);
        if (core_draw(random, 20) == 0)
            scenario_tell(s, c, RC_TYPE_cancelled, queue, channel);
    }
}

static void scenario_send(struct scenario *s, struct agg_task *task, int step)
{
    for (uint32_t i = 0; i < s->events; i++) {
        if (s->told[i].step == step)
            core_task_put(&s->core, task, s->told[i].what);
    }
}

static void compare(const struct scenario *s, struct agg_task *task, int step, uint64_t seed)
{
    static const char *const name[COUNTED] = {"yes", "no", "pending", "unknown", "repeats"};
    static counts expected, found;
    memset(expected, 0, sizeof expected);
    memset(found, 0, sizeof found);
    expect(s, step, expected);
    read_panes(task, found);
    for (int q = 0; q < QUEUES; q++)
        for (int c = 0; c < CHANNELS; c++)
            for (int p = 0; p < PANES; p++)
                for (int i = 0; i < COUNTED; i++)
                    cr_assert_eq(found[q][c][p][i], expected[q][c][p][i],
                                 "seed %lu step %d: %s of %s, channel %d, pane %d: %ld, not %ld",
                                 seed, step, name[i], queue_name[q], c, p, found[q][c][p][i],
                                 expected[q][c][p][i]);
}

static void scenario_run(uint64_t seed, uint8_t call_scope, uint8_t chat_scope, uint8_t chat_model)
{
    static struct scenario s;
    static const char *const nobody[] = {"4"}; /* customer NOBODY, counted from 1 */
    memset(&s, 0, sizeof s);
    s.random.state = seed;
    core_init(&s.core);
    s.core.contract[RC_CALL].fcr_window_ms = 20 * MINUTE_MS;
    s.core.contract[RC_CHAT].fcr_window_ms = 45 * MINUTE_MS;
    s.core.contract[RC_CALL].fcr_scope = call_scope;
    s.core.contract[RC_CHAT].fcr_scope = chat_scope;
    s.core.contract[RC_CHAT].fcr_model = chat_model;
    s.core.acme.no_customer = nobody;
    s.core.acme.no_customer_count = 1;
    scenario_make(&s);
    struct agg_task *task = core_task_open(&s.core);
    for (int step = 0; step < (int)s.steps; step++) {
        scenario_send(&s, task, step);
        agg_task_advance(task, s.now[step]);
        compare(&s, task, step, seed);
    }
    agg_task_close(task);
    core_close(&s.core);
}

Test(repeat_oracle, verdicts_are_those_of_the_plain_oracle_within_a_client)
{
    for (uint64_t seed = 1; seed <= 1500; seed++)
        scenario_run(seed, RC_FCR_CLIENT, RC_FCR_CLIENT, RC_FCR_REPEAT);
}

Test(repeat_oracle, verdicts_are_those_of_the_plain_oracle_within_a_queue)
{
    for (uint64_t seed = 10001; seed <= 11500; seed++)
        scenario_run(seed, RC_FCR_QUEUE, RC_FCR_QUEUE, RC_FCR_REPEAT);
}

Test(repeat_oracle, verdicts_are_those_of_the_plain_oracle_with_both_scopes)
{
    for (uint64_t seed = 20001; seed <= 21500; seed++)
        scenario_run(seed, RC_FCR_CLIENT, RC_FCR_QUEUE, RC_FCR_REPEAT);
}

Test(repeat_oracle, verdicts_are_those_of_the_plain_oracle_with_both_models)
{
    for (uint64_t seed = 30001; seed <= 31500; seed++)
        scenario_run(seed, RC_FCR_QUEUE, RC_FCR_CLIENT, RC_FCR_FLAG);
}
