// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core/tls-certs.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "core/base/util.h"

#define DAY 86400

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

struct identity identity_create(const char *cn, const struct identity *ca, int days)
{
	static long serial;
	struct identity id = { EVP_EC_gen("P-256"), X509_new() };
	X509_NAME *name = X509_get_subject_name(id.cert);

	X509_set_version(id.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), days < 0 ? -100 * DAY : -DAY);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), days * DAY);
	for (const char *p = cn; *p; p += strcspn(p, "|"), p += *p == '|')
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)p,
					   strcspn(p, "|"), -1, 0);
	X509_set_issuer_name(id.cert, ca ? X509_get_subject_name(ca->cert) : name);
	X509_set_pubkey(id.cert, id.key);
	if (!ca)
		add_extension(id.cert, NID_basic_constraints, "critical,CA:TRUE");
	if (!X509_sign(id.cert, ca ? ca->key : id.key, EVP_sha256()))
		abort();
	return id;
}

void identity_destroy(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
}

void identity_write_key(const struct identity *id, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f || PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(f))
		abort();
}

void identity_write_cert(const struct identity *id, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f || PEM_write_X509(f, id->cert) != 1 || fclose(f))
		abort();
}
