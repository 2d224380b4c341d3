/* From levels to what is in force: inheritance, dates, and the canonical form of a contract. */
#ifndef APP_CONFIG_CONTRACT_H
#define APP_CONFIG_CONTRACT_H

#include "config_schema.h"

extern const char *const config_channel_name[RC_CHANNEL_COUNT];

/* The client's zone, else the defaults', else UTC. */
const struct rc_zone *config_zone_of(struct config_reader *reader,
                                     const struct config_level *client);
/* What is in force for that client (NULL: unconfigured) and queue or group (NULL: the client's own)
 * at that instant: built-in, defaults, client, inner; each with its dated parts in order. */
void config_terms_at(const struct config_reader *reader, const struct rc_zone *zone,
                     const struct config_level *client, const struct config_level *inner,
                     enum rc_channel channel, int64_t at_ms, struct config_terms *ret_terms);
/* The clocks of a list, once; in the arena. */
const struct rc_clock *config_clocks_compile(struct config_arena *arena, struct config_slas *slas);
/* Fills config->contracts; adds what does not fit together to the problems. */
void config_contracts_compile(struct config_reader *reader);

/* The RFC 8785 JSON of a contract; free() it. Members: fingerprints of a roll-up's queues. */
char *config_contract_json(const struct config_terms *terms, enum rc_channel channel,
                           const struct rc_zone *zone, const uint64_t *member, uint32_t members,
                           size_t *ret_size);
/* The first 8 bytes of its SHA-256, big end first. */
uint64_t config_fingerprint(const struct config_terms *terms, enum rc_channel channel,
                            const struct rc_zone *zone, const uint64_t *member, uint32_t members);
/* Fills config->id: of what the file says (but for `http`, `snapshot` and `kafka.instance`, which
 * are each process's own), the zone data, the version of the figures and the pseudonym key. */
void config_identify(struct rc_config *config, const struct config_node *root);

#endif
