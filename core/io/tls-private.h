// SPDX-License-Identifier: Apache-2.0
// What tls.c (settings and files) and stream-tls.c (connections) have in common.
#pragma once

#include "core/io/openssl.h"
#include "core/io/stream-private.h"
#include "core/io/tls.h"

// How peers are verified.
enum tls_verify {
	TLS_VERIFY_CA, // against --ca-cert
	TLS_VERIFY_NOTHING, // --ca-cert=none
	TLS_VERIFY_BOOTSTRAP, // not at all, to take the CA certificate from the first peer
};

// The context for a new connection, after a look at the files. The caller gets a reference. NULL when there is none, after
// a log line and with 'err' filled (-ENOPROTOOPT: settings or files that are needed are not there, or not good).
SSL_CTX *tls_context_get(enum tls_verify *ret_verify, struct error *err);
// The server name to ask for, or NULL: that of the stream.
const char *tls_server_name(void);
// Takes the CA certificate out of the chain that the peer of 'ssl' has sent, and makes the file of --bootstrap-ca-cert of it.
// Also 0 when the file has appeared meanwhile. 'err' says what is wrong.
int tls_bootstrap(SSL *ssl, struct error *err);
// The oldest error of the library's queue in words; empties the queue.
const char *tls_library_error(void);
