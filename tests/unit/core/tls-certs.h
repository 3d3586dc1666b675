// SPDX-License-Identifier: Apache-2.0
// Keys and certificates for tests, made on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

// A new identity named 'cn' (several names: "A|B", none: ""), signed by 'ca' (NULL: by itself, as a CA), valid from now for 'days' (negative: since long ago,
// until then).
struct identity identity_create(const char *cn, const struct identity *ca, int days);
void identity_destroy(struct identity *id);
// As PEM files.
void identity_write_key(const struct identity *id, const char *path);
void identity_write_cert(const struct identity *id, const char *path);
