#include "kafka_lease_group.h"

#include <stdio.h>
#include <string.h>

enum {
    ASK_MS = 1000,
    UUID_SIZE = 36 /* a broker makes a member's id of its instance, a dash and one of these */
};

static bool ends_with(const char *text, size_t size, const char *end)
{
    size_t end_size = strlen(end);
    return size >= end_size && !memcmp(text + size - end_size, end, end_size);
}

static bool is_unlike(const struct kafka_lease_self *self, const char *client_id)
{
    size_t size = strlen(client_id), mark_size = strlen(self->mark);
    return self->kind[0] &&
           (size < mark_size || !ends_with(client_id, size - mark_size, self->kind));
}

static void look_at(const struct kafka_lease_self *self,
                    const struct rd_kafka_group_member_info *member,
                    struct kafka_lease_group *group)
{
    size_t size = strlen(self->instance), id_size = strlen(member->member_id);
    bool same = !strncmp(member->member_id, self->instance, size) &&
                member->member_id[size] == '-' && id_size <= size + 1 + UUID_SIZE;
    group->twin |= same && !ends_with(member->client_id, strlen(member->client_id), self->mark);
    if (!is_unlike(self, member->client_id))
        return;
    group->unlike = true;
    snprintf(group->other, sizeof group->other, "%.*s",
             (int)(id_size > UUID_SIZE + 1 ? id_size - UUID_SIZE - 1 : id_size), member->member_id);
}

enum rc_error kafka_lease_look(struct kafka_client *client, const struct kafka_lease_self *self,
                               struct kafka_lease_group *ret_group)
{
    const struct rd_kafka_group_list *list;
    rd_kafka_resp_err_t code =
        rd_kafka_list_groups(client->watch, client->config->kafka.group, &list, ASK_MS);
    *ret_group = (struct kafka_lease_group){0};
    if (code && code != RD_KAFKA_RESP_ERR__PARTIAL) /* a broker is away: perhaps not the one */
        return RC_ERR_KAFKA;
    bool found = list->group_cnt == 1 && !list->groups[0].err;
    int count = found ? list->groups[0].member_cnt : 0;
    bool known = found || (!code && !list->group_cnt); /* … or nobody has heard of it */
    ret_group->alone = found && count <= 1;
    for (int i = 0; i < count; i++)
        look_at(self, &list->groups[0].members[i], ret_group);
    rd_kafka_group_list_destroy(list);
    return known ? RC_OK : RC_ERR_KAFKA;
}
