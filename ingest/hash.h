/* Hashes of the front door: which task owns a client, what names a contact and a customer. */
#ifndef ROLLCALL_INGEST_HASH_H
#define ROLLCALL_INGEST_HASH_H

#include "rollcall/ingest.h"

enum { INGEST_SECRET_SIZE = 192 };
/* What pseudonyms are made with, from the key of 32 bytes. */
struct ingest_secret {
    uint8_t bytes[INGEST_SECRET_SIZE];
};
void ingest_secret_init(struct ingest_secret *secret, const uint8_t key[32]);
struct rc_id128 ingest_secret_pseudonym(const struct ingest_secret *secret, const char *bytes,
                                        uint32_t size);
/* Of client and contact, for the core's tables. */
uint64_t ingest_contact_hash(uint64_t secret, const char *client, uint32_t client_size,
                             const char *contact, uint32_t contact_size);

#endif
