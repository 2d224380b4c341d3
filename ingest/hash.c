#include "hash.h"
#include "rollcall/check.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <xxhash.h>

uint32_t ingest_murmur2(const char *bytes, uint32_t size)
{
    const uint32_t m = 0x5bd1e995, seed = 0x9747b28c;
    const uint8_t *at = (const uint8_t *)bytes;
    uint32_t h = seed ^ size;
    for (; size >= 4; at += 4, size -= 4) {
        uint32_t k = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        k *= m;
        k ^= k >> 24;
        h = h * m ^ k * m;
    }
    for (uint32_t i = size; i-- > 0;)
        h ^= (uint32_t)at[i] << 8 * i;
    if (size > 0)
        h *= m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

/* HKDF's expansion: block i is HMAC(key, block i-1, label, i). */
void ingest_secret_init(struct ingest_secret *secret, const uint8_t key[32])
{
    enum { BLOCK = 32 };
    static const char label[] = "rollcall pseudonym 1";
    uint8_t message[BLOCK + sizeof label];
    for (uint8_t i = 0; i < INGEST_SECRET_SIZE / BLOCK; i++) {
        size_t before = i == 0 ? 0 : BLOCK;
        unsigned size = 0;
        if (before)
            memcpy(message, secret->bytes + (i - 1) * BLOCK, BLOCK);
        memcpy(message + before, label, sizeof label - 1);
        message[before + sizeof label - 1] = (uint8_t)(i + 1);
        RC_CHECK(HMAC(EVP_sha256(), key, 32, message, before + sizeof label,
                      secret->bytes + i * BLOCK, &size) &&
                 size == BLOCK);
    }
}

struct rc_id128 ingest_secret_pseudonym(const struct ingest_secret *secret, const char *bytes,
                                        uint32_t size)
{
    XXH128_hash_t hash = XXH3_128bits_withSecret(bytes, size, secret->bytes, INGEST_SECRET_SIZE);
    return (struct rc_id128){hash.high64, hash.low64};
}

struct rc_id128 ingest_pseudonym(const uint8_t key[32], const char *bytes, uint32_t size)
{
    struct ingest_secret secret;
    ingest_secret_init(&secret, key);
    return ingest_secret_pseudonym(&secret, bytes, size);
}

uint64_t ingest_contact_hash(uint64_t secret, const char *client, uint32_t client_size,
                             const char *contact, uint32_t contact_size)
{
    /* The client's own hash is the seed of the contact's, so that they cannot run together. */
    uint64_t seed = XXH3_64bits_withSeed(client, client_size, secret);
    return XXH3_64bits_withSeed(contact, contact_size, seed);
}
