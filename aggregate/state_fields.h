/* The fields of every struct of a task's state, once each: what a saved state is made of. A test
 * proves that nothing is missing. X(kind, field, pool), of which kind is
 *
 *   F   a number            A   an array of numbers, `pool` many        B   a bit-field
 *   R   a reference, or an array of such, to live rows of that pool; 0: none
 *   N   the same, never 0
 *   L   a reference that may have outlived its row: only within the pool
 *   U   not saved: a pointer, which is found again, a cache, or scratch
 *   P   so many bits behind the one before are padding: X(P, bits, 0)
 *
 * References that need more than their own field to be judged are plain numbers here
 * (state_check.c). A field that changes its meaning needs another name. */
#ifndef AGGREGATE_STATE_FIELDS_H
#define AGGREGATE_STATE_FIELDS_H

#define AGG_FIELDS_client(X)                                                                       \
    X(F, name, 0)                                                                                  \
    X(F, name_size, 0)                                                                             \
    X(F, tag, 0)                                                                                   \
    X(F, configured, 0)                                                                            \
    X(P, 24, 0)                                                                                    \
    X(F, id_seed, 0)                                                                               \
    X(U, policy, 0)                                                                                \
    X(U, no_customer, 0)                                                                           \
    X(F, contact_count, 0)                                                                         \
    X(F, customer_count, 0)                                                                        \
    X(F, queue_count, 0)                                                                           \
    X(U, window_start, 0)                                                                          \
    X(U, window_end, 0)                                                                            \
    X(U, calm_from, 0)                                                                             \
    X(U, calm_until, 0)

#define AGG_FIELDS_queue(X)                                                                        \
    X(F, name, 0)                                                                                  \
    X(F, name_size, 0)                                                                             \
    X(N, client, client)                                                                           \
    X(P, 32, 0)                                                                                    \
    X(U, policy, 0)

#define AGG_FIELDS_priority(X)                                                                     \
    X(A, text, RC_PRIORITY_MAX)                                                                    \
    X(F, size, 0)                                                                                  \
    X(F, contacts, 0)

#define AGG_FIELDS_sums(X, sums)                                                                   \
    X(F, sums.mask, 0)                                                                             \
    X(F, sums.ref, 0)                                                                              \
    X(F, sums.class, 0)                                                                            \
    X(F, sums.max_stale, 0)                                                                        \
    X(F, sums.spare, 0)

#define AGG_FIELDS_key(X)                                                                          \
    X(N, client, client)                                                                           \
    X(R, queue, queue)                                                                             \
    X(F, channel, 0)                                                                               \
    X(F, kind, 0)                                                                                  \
    X(F, carry, 0)                                                                                 \
    X(F, name_size, 0)                                                                             \
    X(U, gone, 0)                                                                                  \
    X(P, 8, 0)                                                                                     \
    X(F, roll_listed, 0)                                                                           \
    X(R, up, link)                                                                                 \
    X(R, down, link)                                                                               \
    X(U, contracts, 0)                                                                             \
    X(F, settled_until, 0)                                                                         \
    AGG_FIELDS_sums(X, pending) X(F, pending_at, 0) X(F, group, 0) X(U, rank, 0) X(R, base, key)   \
        X(U, client_rank, 0) X(U, clock_rank, 0) X(P, 48, 0) X(U, clock, 0)                        \
            X(R, contacts, contact) X(R, wait_first, contact) X(R, wait_last, contact) X(P, 32, 0) \
                X(A, level, AGG_STATE_COUNT) X(L, pane, pane) X(R, roll, roll)                     \
                    X(A, name, RC_QUEUE_MAX + 1) X(P, 56, 0)

#define AGG_FIELDS_link(X)                                                                         \
    X(N, key, key)                                                                                 \
    X(R, next, link)

#define AGG_FIELDS_bucket(X)                                                                       \
    X(R, newer, bucket)                                                                            \
    X(R, older, bucket)                                                                            \
    X(F, index, 0)                                                                                 \
    X(F, max_folded, 0)                                                                            \
    AGG_FIELDS_sums(X, sums)

#define AGG_FIELDS_roll(X)                                                                         \
    X(R, oldest, bucket)                                                                           \
    X(R, newest, bucket)                                                                           \
    X(F, revision, 0)                                                                              \
    X(F, published_zero, 0)                                                                        \
    X(F, max_dirty, 0)                                                                             \
    X(P, 16, 0)                                                                                    \
    X(F, wake_at, 0)                                                                               \
    X(F, published_at, 0)                                                                          \
    X(F, age_at, 0)                                                                                \
    X(F, published, 0)                                                                             \
    X(A, total, RC_SUM_COUNT)

#define AGG_FIELDS_pane(X)                                                                         \
    X(F, published, 0)                                                                             \
    X(B, start_ms, 0)                                                                              \
    X(B, window, 0)                                                                                \
    X(B, phase, 0)                                                                                 \
    X(B, live, 0)                                                                                  \
    X(B, listed, 0)                                                                                \
    X(B, warm, 0)                                                                                  \
    X(P, 3, 0)                                                                                     \
    X(B, max_folded, 0)                                                                            \
    X(B, packed_size, 0)                                                                           \
    X(P, 8, 0)                                                                                     \
    X(N, key, key)                                                                                 \
    X(F, revision, 0)                                                                              \
    X(F, length_ms, 0)                                                                             \
    X(F, content, 0)

#define AGG_FIELDS_warm(X)                                                                         \
    AGG_FIELDS_sums(X, sums) X(A, state, AGG_STATE_COUNT) X(F, oldest_stale, 0) X(P, 56, 0)        \
        X(F, oldest_queued, 0) X(F, oldest_folded, 0) X(F, oldest_final_ms, 0)

#define AGG_FIELDS_point(X)                                                                        \
    X(B, time_ms, 0)                                                                               \
    X(B, type, 0)                                                                                  \
    X(F, value, 0)

#define AGG_FIELDS_rare(X)                                                                         \
    X(F, abandoned, 0)                                                                             \
    X(F, left, 0)                                                                                  \
    X(F, transferred, 0)                                                                           \
    X(F, rated, 0)                                                                                 \
    X(F, reviewed, 0)                                                                              \
    X(F, due, 0)                                                                                   \
    X(F, due_time, 0)                                                                              \
    X(F, score, 0)                                                                                 \
    X(F, defects, 0)                                                                               \
    X(F, opportunities, 0)                                                                         \
    X(F, critical, 0)                                                                              \
    X(P, 24, 0)

#define AGG_FIELDS_conversation(X)                                                                 \
    X(F, text, 0)                                                                                  \
    X(F, size, 0)                                                                                  \
    X(F, hash, 0)                                                                                  \
    X(F, time_ms, 0)

#define AGG_FIELDS_contact(X)                                                                      \
    X(F, id, 0)                                                                                    \
    X(F, id_size, 0)                                                                               \
    X(F, channel, 0)                                                                               \
    X(F, flags, 0)                                                                                 \
    X(F, point_class, 0)                                                                           \
    X(F, hash, 0)                                                                                  \
    X(F, queued, 0)                                                                                \
    X(F, answered, 0)                                                                              \
    X(F, ended, 0)                                                                                 \
    X(F, wrapped, 0)                                                                               \
    X(F, first, 0)                                                                                 \
    X(F, last, 0)                                                                                  \
    X(F, channel_time, 0)                                                                          \
    X(F, queue_time, 0)                                                                            \
    X(F, customer_time, 0)                                                                         \
    X(F, priority_time, 0)                                                                         \
    X(F, forget_at, 0)                                                                             \
    X(F, due_at, 0)                                                                                \
    X(F, customer.high, 0)                                                                         \
    X(F, customer.low, 0)                                                                          \
    X(N, client, client)                                                                           \
    X(R, queue, queue)                                                                             \
    X(R, key, key)                                                                                 \
    X(R, priority, priority)                                                                       \
    X(R, conversation, conversation)                                                               \
    X(R, rare, rare)                                                                               \
    X(F, points, 0)                                                                                \
    X(R, list_next, contact)                                                                       \
    X(R, list_prev, contact)                                                                       \
    X(R, wait_next, contact)                                                                       \
    X(R, wait_prev, contact)                                                                       \
    X(R, episode, episode)                                                                         \
    X(F, seat, 0)                                                                                  \
    X(F, point_count, 0)                                                                           \
    X(P, 16, 0)

#define AGG_FIELDS_identity(X)                                                                     \
    X(F, id, 0)                                                                                    \
    X(F, id_size, 0)                                                                               \
    X(F, channel, 0)                                                                               \
    X(F, live, 0)                                                                                  \
    X(F, critical, 0)                                                                              \
    X(F, cancelled, 0)                                                                             \
    X(P, 56, 0)                                                                                    \
    X(F, hash, 0)                                                                                  \
    X(F, judged_at, 0)                                                                             \
    X(F, rated, 0)                                                                                 \
    X(F, reviewed, 0)                                                                              \
    X(F, expires, 0)                                                                               \
    X(N, client, client)                                                                           \
    X(N, key, key)                                                                                 \
    X(N, rated_key, key)                                                                           \
    X(N, reviewed_key, key)                                                                        \
    X(F, score, 0)                                                                                 \
    X(F, defects, 0)                                                                               \
    X(F, opportunities, 0)                                                                         \
    X(P, 32, 0)

#define AGG_FIELDS_shown(X)                                                                        \
    X(N, contact, contact)                                                                         \
    X(F, revision, 0)                                                                              \
    X(F, hash, 0)

#define AGG_FIELDS_episode(X)                                                                      \
    X(R, left, episode)                                                                            \
    X(R, right, episode)                                                                           \
    X(F, hash, 0)                                                                                  \
    X(F, customer, 0)                                                                              \
    X(N, key, key)                                                                                 \
    X(F, holds, 0)                                                                                 \
    X(B, start, 0)                                                                                 \
    X(B, form, 0)                                                                                  \
    X(B, channels, 0)                                                                              \
    X(B, verdict, 0)                                                                               \
    X(B, has_start, 0)                                                                             \
    X(B, has_customer, 0)                                                                          \
    X(B, eligible, 0)                                                                              \
    X(B, has_flag, 0)                                                                              \
    X(B, flag_yes, 0)                                                                              \
    X(B, by_reopen, 0)                                                                             \
    X(B, reopen_no, 0)                                                                             \
    X(B, answered, 0)                                                                              \
    X(B, lost, 0)                                                                                  \
    X(B, noted, 0)                                                                                 \
    X(B, repeat, 0)                                                                                \
    X(B, kept_repeat, 0)                                                                           \
    X(B, overtaken, 0)                                                                             \
    X(B, end, 0)                                                                                   \
    X(B, below, 0)                                                                                 \
    X(B, asked, 0)                                                                                 \
    X(B, age, 0)

#define AGG_FIELDS_note(X)                                                                         \
    X(F, text, 0)                                                                                  \
    X(F, answered_after, 0)                                                                        \
    X(F, flag_at, 0)                                                                               \
    X(F, size, 0)                                                                                  \
    X(F, has_flag, 0)                                                                              \
    X(F, flag, 0)                                                                                  \
    X(P, 40, 0)

#define AGG_FIELDS_legs(X)                                                                         \
    X(F, seats, 0)                                                                                 \
    X(F, tree, 0)                                                                                  \
    X(R, folded, folded)                                                                           \
    X(N, start_key, key)                                                                           \
    X(F, judged_at, 0)                                                                             \
    X(F, kept_start, 0)                                                                            \
    X(L, credited, contact)                                                                        \
    X(F, count, 0)                                                                                 \
    X(F, forgotten, 0)                                                                             \
    X(F, class, 0)                                                                                 \
    X(P, 56, 0)

#define AGG_FIELDS_part(X)                                                                         \
    X(F, start, 0)                                                                                 \
    X(F, end, 0)                                                                                   \
    X(F, start_judged_at, 0)                                                                       \
    X(F, flag_at, 0)                                                                               \
    X(F, customer_start, 0)                                                                        \
    X(F, customer, 0)                                                                              \
    X(F, start_id.text, 0)                                                                         \
    X(F, start_id.size, 0)                                                                         \
    X(F, customer_id.text, 0)                                                                      \
    X(F, customer_id.size, 0)                                                                      \
    X(R, start_key, key)                                                                           \
    X(F, answered_count, 0)                                                                        \
    X(F, any, 0)                                                                                   \
    X(F, ended, 0)                                                                                 \
    X(F, forgotten_open, 0)                                                                        \
    X(F, has_customer, 0)                                                                          \
    X(F, has_flag, 0)                                                                              \
    X(F, flag, 0)                                                                                  \
    X(F, channels, 0)                                                                              \
    X(P, 8, 0)                                                                                     \
    X(F, credit.at, 0)                                                                             \
    X(F, credit.judged_at, 0)                                                                      \
    X(F, credit.end, 0)                                                                            \
    X(F, credit.first_resolved, 0)                                                                 \
    X(F, credit.id.text, 0)                                                                        \
    X(F, credit.id.size, 0)                                                                        \
    X(L, credit.contact, contact)                                                                  \
    X(R, credit.key, key)                                                                          \
    X(R, credit.end_key, key)                                                                      \
    X(R, credit.first_key, key)                                                                    \
    X(F, credit.channel, 0)                                                                        \
    X(F, credit.by_reopen, 0)                                                                      \
    X(F, credit.reopen_no, 0)                                                                      \
    X(P, 40, 0)

#define AGG_FIELDS_due(X)                                                                          \
    X(R, next, due)                                                                                \
    X(F, ref, 0)                                                                                   \
    X(B, at, 0)                                                                                    \
    X(B, kind, 0)                                                                                  \
    X(B, extra, 0)

#define AGG_FIELDS_seat(X)   X(F, contact, 0)
#define AGG_FIELDS_figure(X) X(F, value, 0)
#define AGG_FIELDS_clock(X)                                                                        \
    X(F, key, 0)                                                                                   \
    X(F, name_size, 0)                                                                             \
    X(A, name, RC_CLOCK_NAME_MAX)

#define AGG_FIELDS_event(X)                                                                        \
    X(F, size, 0)                                                                                  \
    X(F, raw_size, 0)                                                                              \
    X(F, time_ms, 0)                                                                               \
    X(F, now_ms, 0)                                                                                \
    X(F, offset, 0)                                                                                \
    X(F, source, 0)                                                                                \
    X(F, task, 0)                                                                                  \
    X(F, contact_hash, 0)                                                                          \
    X(F, customer.high, 0)                                                                         \
    X(F, customer.low, 0)                                                                          \
    X(F, value, 0)                                                                                 \
    X(F, opportunities, 0)                                                                         \
    X(F, type, 0)                                                                                  \
    X(F, channel, 0)                                                                               \
    X(F, flags, 0)                                                                                 \
    X(F, client_size, 0)                                                                           \
    X(F, queue_size, 0)                                                                            \
    X(F, contact_size, 0)                                                                          \
    X(F, conversation_size, 0)                                                                     \
    X(F, agent_size, 0)                                                                            \
    X(F, priority_size, 0)                                                                         \
    X(U, spare, 0)

/* Beside its pools and lists, which have tables of their own. */
#define AGG_FIELDS_task(X)                                                                         \
    X(U, agg, 0)                                                                                   \
    X(U, config, 0)                                                                                \
    X(U, stats, 0)                                                                                 \
    X(F, clock, 0)                                                                                 \
    X(F, passed, 0)                                                                                \
    X(F, epoch_end, 0)                                                                             \
    X(U, latest_only, 0)                                                                           \
    X(F, age_over, 0)                                                                              \
    X(P, 16, 0)                                                                                    \
    X(F, age, 0)                                                                                   \
    X(U, order, 0)                                                                                 \
    X(U, late, 0)                                                                                  \
    X(F, due.cursor, 0)                                                                            \
    X(F, due.taken, 0)                                                                             \
    X(F, due.none_before, 0)                                                                       \
    X(U, due.used, 0)                                                                              \
    X(R, due.slot, due)                                                                            \
    X(U, due.sorted, 0)                                                                            \
    X(U, due_list, 0)                                                                              \
    X(U, client_index, 0)                                                                          \
    X(U, queue_index, 0)                                                                           \
    X(U, priority_index, 0)                                                                        \
    X(U, key_index, 0)                                                                             \
    X(U, contact_index, 0)                                                                         \
    X(U, identity_index, 0)                                                                        \
    X(U, episode_index, 0)                                                                         \
    X(U, customer_index, 0)                                                                        \
    X(U, pane_index, 0)                                                                            \
    X(U, work, 0)                                                                                  \
    X(U, episode_set, 0)                                                                           \
    X(U, unsettled, 0)                                                                             \
    X(U, episode_steps, 0)                                                                         \
    X(U, place, 0)                                                                                 \
    X(U, next_look, 0)                                                                             \
    X(U, bucket_now, 0)                                                                            \
    X(U, contacts, 0)                                                                              \
    X(P, 56, 0)                                                                                    \
    X(U, shown_index, 0)                                                                           \
    X(F, touched_at, 0)                                                                            \
    X(U, draft, 0)                                                                                 \
    X(U, before, 0)                                                                                \
    X(U, after, 0)                                                                                 \
    X(U, queue_scope, 0)                                                                           \
    X(P, 56, 0)                                                                                    \
    X(A, shut_ms, RC_INTERVAL_COUNT)                                                               \
    X(U, rederiving, 0)                                                                            \
    X(A, roll_due, RC_ROLLING_MAX)                                                                 \
    X(A, publish_due, RC_INTERVAL_COUNT)                                                           \
    X(F, restate_due, 0)

/* Pools: name in the file, where in the task, how many, of what. */
#define AGG_POOLS(X)                                                                               \
    X(client, client, 1, client)                                                                   \
    X(queue, queue, 1, queue)                                                                      \
    X(priority, priority, 1, priority)                                                             \
    X(key, key, 1, key)                                                                            \
    X(link, link, 1, link)                                                                         \
    X(contact, contact, 1, contact)                                                                \
    X(rare, rare, 1, rare)                                                                         \
    X(conversation, conversation, 1, conversation)                                                 \
    X(identity, identity, 1, identity)                                                             \
    X(episode, episode, 1, episode)                                                                \
    X(bucket, bucket, 1, bucket)                                                                   \
    X(roll, roll, 1, roll)                                                                         \
    X(pane, pane, 1, pane)                                                                         \
    X(warm, warm, 1, warm)                                                                         \
    X(legs, legs, 1, legs)                                                                         \
    X(note, note, 1, note)                                                                         \
    X(folded, folded, 1, part)                                                                     \
    X(shown, shown, 1, shown)                                                                      \
    X(due, due.pool, 1, due)                                                                       \
    X(text, texts.pool, AGG_TEXT_CLASSES, bytes)                                                   \
    X(packed, packed.pool, AGG_TEXT_CLASSES, bytes)                                                \
    X(seats, seats, AGG_SEAT_CLASSES, seat)                                                        \
    X(parts, parts, AGG_SEAT_CLASSES, part)                                                        \
    X(sum, sum, AGG_SUM_CLASSES, figure)                                                           \
    X(point, point, AGG_POINT_CLASSES, point)

/* Lists of references: name in the file, where in the task, how many, to what, kind as above. */
#define AGG_LISTS(X)                                                                               \
    X(rolls, roll_list, RC_ROLLING_MAX, key, N)                                                    \
    X(publish, publish_list, RC_INTERVAL_COUNT, pane, L)                                           \
    X(restate, restate_list, 1, pane, L)                                                           \
    X(touched, touched, 1, contact, L)

#endif
