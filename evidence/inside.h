/* What the room's files see of one another's keys; nobody else includes it. */
#ifndef LANEWARD_EVIDENCE_INSIDE_H
#define LANEWARD_EVIDENCE_INSIDE_H

#include <openssl/evp.h>

#include "evidence/signature.h"

struct signature_key {
    EVP_PKEY *pkey; /* P-256, its point checked */
    bool has_private;
    uint8_t point[SIGNATURE_PUBLIC_SIZE];
};

#endif
