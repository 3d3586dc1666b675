// SPDX-License-Identifier: Apache-2.0
// TLS for streams ("ssl:HOST:PORT", "pssl:[PORT][:IP]"): the process's settings, from the command line or a database.
//
// There is one set of settings for the process; every new connection is made with what they say at that time. The files
// that they name are looked at for each new connection, so that they may be replaced while the process runs; connections that stand
// stay as they are. Everything here is called on the loop's thread (options: before there is one).
#pragma once

#include <getopt.h>

#include "core/base/error.h"

// X(NAME, option, letter or 0, argument, text for --help). Without a setting: protocols from TLSv1.2 up, "HIGH:!aNULL:!MD5",
// the library's suites, the name in the stream's name.
#define TLS_PKI_SETTINGS(X) \
	X(PRIVATE_KEY, "private-key", 'p', "FILE", "file with private key") \
	X(CERTIFICATE, "certificate", 'c', "FILE", "file with certificate for private key") \
	X(CA_CERT, "ca-cert", 'C', "FILE", "file with peer CA certificate") \
	X(BOOTSTRAP_CA_CERT, "bootstrap-ca-cert", 0, "FILE", \
	  "file with peer CA certificate to read or create") \
	X(PEER_CA_CERT, "peer-ca-cert", 0, "FILE", "file with CA certificates to send to peers")
#define TLS_CONNECTION_SETTINGS(X) \
	X(PROTOCOLS, "ssl-protocols", 0, "PROTOS", "list or range of TLS protocols to enable") \
	X(CIPHERS, "ssl-ciphers", 0, "CIPHERS", "list of ciphers to enable with TLSv1.2") \
	X(CIPHERSUITES, "ssl-ciphersuites", 0, "SUITES", \
	  "list of ciphersuites to enable with TLSv1.3") \
	X(SERVER_NAME, "ssl-server-name", 0, "NAME", "server name to ask for (SNI)")
#define TLS_SETTINGS(X) TLS_PKI_SETTINGS(X) TLS_CONNECTION_SETTINGS(X)

enum tls_setting {
#define TLS_ENUM(NAME, ...) TLS_##NAME,
	TLS_SETTINGS(TLS_ENUM)
#undef TLS_ENUM
		TLS_SETTING_MAX
};

// For every program that can open ssl: or pssl:.
#define OPT_TLS 0x7000 // + enum tls_setting
#define TLS_LONG_OPTION(NAME, OPTION, LETTER, ...) \
	{ OPTION, required_argument, NULL, OPT_TLS + TLS_##NAME },
#define TLS_LONG_OPTIONS TLS_SETTINGS(TLS_LONG_OPTION)
#define TLS_SHORT_OPTIONS "p:c:C:"

// True when 'c' was one of ours and has been carried out (exits with a message on bad arguments).
bool tls_handle_option(int c, const char *arg);
// The blocks of --help.
void tls_usage(void);

// What the command line said; NULL: nothing. Borrowed.
const char *tls_option(enum tls_setting which);
// The option's name, without dashes.
const char *tls_setting_name(enum tls_setting which);
// Settings begin as the command line says. NULL: as if it had said nothing. Values are looked at when the next connection
// is made; what is wrong with them is logged then. CA_CERT "none": peers are not verified. Of CA_CERT and BOOTSTRAP_CA_CERT
// at most one may be set.
void tls_set(enum tls_setting which, const char *value);
// Could a connection be made now? 0, or -ENOPROTOOPT with 'err' filled; the log has been told, once for each change.
int tls_check(struct error *err);
