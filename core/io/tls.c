// SPDX-License-Identifier: Apache-2.0
#include "core/io/tls-private.h"

#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"

LOG_MODULE(stream_ssl);

#define MAX_FILE (1 << 20)
#define DEFAULT_CIPHERS "HIGH:!aNULL:!MD5"

// What is used as a file.
enum file { FILE_KEY, FILE_CERTIFICATE, FILE_CA, FILE_PEER_CA, FILE_MAX };

struct content {
	const char *path; // NULL: no such setting
	struct strbuf bytes;
	int err; // negative errno when it could not be read
};

static const struct {
	const char *option;
	char letter;
	const char *argument, *text;
} settings[] = {
#define ROW(NAME, OPTION, LETTER, ARGUMENT, TEXT) [TLS_##NAME] = { OPTION, LETTER, ARGUMENT, TEXT },
	TLS_SETTINGS(ROW)
#undef ROW
};

static struct {
	char *option[TLS_SETTING_MAX]; // as on the command line
	char *value[TLS_SETTING_MAX];
	bool changed; // a value, since the context was made
	// What was made of the settings and files with this digest.
	bool tried;
	unsigned char digest[EVP_MAX_MD_SIZE];
	SSL_CTX *context; // NULL: nothing usable yet
	struct error error; // of the last attempt
	enum tls_verify verify;
} tls;

// ---- Settings ----

const char *tls_option(enum tls_setting which)
{
	return tls.option[which];
}

const char *tls_setting_name(enum tls_setting which)
{
	return settings[which].option;
}

void tls_set(enum tls_setting which, const char *value)
{
	const char *old = tls.value[which];

	if (value == old || (value && old && !strcmp(value, old)))
		return;
	free(tls.value[which]);
	tls.value[which] = value ? xstrdup(value) : NULL;
	tls.changed = true;
}

const char *tls_server_name(void)
{
	return tls.value[TLS_SERVER_NAME];
}

// One name, a list of names, "LOWEST+", or "LOWEST-HIGHEST"; what lies between two of a list is on, too.
static int parse_protocols(const char *text, int *ret_min, int *ret_max, struct error *err)
{
	static const struct {
		const char *name;
		int version; // 0: too old to be used
	} known[] = { { "TLSv1", 0 },
		      { "TLSv1.1", 0 },
		      { "TLSv1.2", TLS1_2_VERSION },
		      { "TLSv1.3", TLS1_3_VERSION } };
	AUTO_FREE char *copy = xstrdup(text);
	size_t len = strlen(copy);
	bool open = len && copy[len - 1] == '+';
	int min = 0, max = 0, n = 0;
	char *save = NULL;
	bool range = strchr(copy, '-') != NULL;

	if (open)
		copy[len - 1] = '\0';
	for (char *s = strtok_r(copy, range ? "-" : ", \t", &save); s;
	     s = strtok_r(NULL, range ? "-" : ", \t", &save), n++) {
		size_t i = 0;

		while (i < ARRAY_SIZE(known) && strcasecmp(known[i].name, s))
			i++;
		if (i == ARRAY_SIZE(known))
			return error_set(err, -EINVAL, "%s: SSL protocol not recognized", s);
		if (!known[i].version) {
			if (range || open)
				min = TLS1_2_VERSION;
			continue;
		}
		min = min ? MIN(min, known[i].version) : known[i].version;
		max = MAX(max, known[i].version);
	}
	if ((range && (open || n != 2)) || (open && n != 1))
		return error_set(err, -EINVAL, "%s: not a list or a range of SSL protocols", text);
	if (open)
		max = TLS1_3_VERSION;
	if (!min || !max)
		return error_set(err, -EINVAL,
				 "%s: no protocol that is supported (TLSv1.2 and TLSv1.3 are)",
				 text);
	*ret_min = min;
	*ret_max = max;
	return 0;
}

static void set_option(enum tls_setting which, const char *arg)
{
	struct error err = ERROR_INIT;
	int min, max;

	// Where a program takes values from a database is its own matter.
	if (which == TLS_PROTOCOLS && !str_starts(arg, "db:") &&
	    parse_protocols(arg, &min, &max, &err) < 0)
		fatal(0, "--%s: %s", settings[which].option, err.text);
	free(tls.option[which]);
	tls.option[which] = xstrdup(arg);
	tls_set(which, arg);
	if (tls.option[TLS_CA_CERT] && tls.option[TLS_BOOTSTRAP_CA_CERT])
		fatal(0, "--ca-cert and --bootstrap-ca-cert are mutually exclusive");
}

bool tls_handle_option(int c, const char *arg)
{
	for (int i = 0; i < TLS_SETTING_MAX; i++)
		if (c == OPT_TLS + i || (settings[i].letter && c == settings[i].letter)) {
			set_option(i, arg);
			return true;
		}
	return false;
}

void tls_usage(void)
{
	for (int i = 0; i < TLS_SETTING_MAX; i++) {
		char name[64];

		if (i == TLS_PRIVATE_KEY)
			printf("\nPKI configuration (required to use SSL):\n");
		else if (i == TLS_PROTOCOLS)
			printf("SSL options:\n");
		snprintf(name, sizeof(name), "%c%c%s--%s=%s", settings[i].letter ? '-' : ' ',
			 settings[i].letter ? settings[i].letter : ' ',
			 settings[i].letter ? ", " : "  ", settings[i].option,
			 settings[i].argument);
		printf("  %-30s  %s\n", name, settings[i].text);
	}
}

// ---- Files ----

const char *tls_library_error(void)
{
	unsigned long e = ERR_get_error();
	const char *text = !e			 ? NULL
			   : ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e))
						 : ERR_reason_error_string(e);

	ERR_clear_error();
	return text ? text : "unknown error";
}

// 'c' is zeroed. Only plain files: others might make us wait.
static void read_content(struct content *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	c->path = path;
	if (fd < 0 || fstat(fd, &st) < 0) {
		c->err = -errno;
	} else if (!S_ISREG(st.st_mode)) {
		c->err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	} else if (st.st_size > MAX_FILE) {
		c->err = -EFBIG;
	} else {
		char *p = strbuf_put_uninit(&c->bytes, st.st_size);
		ssize_t n = read(fd, p, st.st_size);

		if (n < 0)
			c->err = -errno;
		strbuf_truncate(&c->bytes, MAX(n, (ssize_t)0));
	}
	if (fd >= 0)
		close(fd);
}

static void read_files(struct content files[FILE_MAX])
{
	const char *ca =
		tls.value[TLS_CA_CERT] ? tls.value[TLS_CA_CERT] : tls.value[TLS_BOOTSTRAP_CA_CERT];
	const char *paths[FILE_MAX] = { tls.value[TLS_PRIVATE_KEY], tls.value[TLS_CERTIFICATE], ca,
					tls.value[TLS_PEER_CA_CERT] };

	if (tls.value[TLS_CA_CERT] && !strcmp(ca, "none"))
		paths[FILE_CA] = NULL;
	memset(files, 0, FILE_MAX * sizeof(*files));
	for (int i = 0; i < FILE_MAX; i++)
		if (paths[i] && *paths[i])
			read_content(&files[i], paths[i]);
}

static void free_files(struct content files[FILE_MAX])
{
	for (int i = 0; i < FILE_MAX; i++) {
		if (files[i].bytes.s)
			OPENSSL_cleanse(files[i].bytes.s, files[i].bytes.cap);
		strbuf_uninit(&files[i].bytes);
	}
}

static void digest_files(const struct content files[FILE_MAX], unsigned char digest[])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	for (int i = 0; i < FILE_MAX; i++) {
		EVP_DigestUpdate(md, &files[i].err, sizeof(files[i].err));
		EVP_DigestUpdate(md, &files[i].bytes.len, sizeof(files[i].bytes.len));
		EVP_DigestUpdate(md, strbuf_cstr(&files[i].bytes), files[i].bytes.len);
	}
	EVP_DigestFinal_ex(md, digest, NULL);
	EVP_MD_CTX_free(md);
}

// ---- The context ----

static int bad_file(const struct content *c, const char *what, struct error *err)
{
	return error_set(err, -ENOPROTOOPT, "%s: cannot read %s (%s)", c->path, what,
			 c->err ? strerror(-c->err) : tls_library_error());
}

// An encrypted key would make the library ask on the terminal.
static int no_password(char *buf, int size, int writing, void *aux)
{
	return -1;
}

static int use_key(SSL_CTX *ctx, const struct content *c, struct error *err)
{
	BIO *bio;
	EVP_PKEY *key;
	int ok;

	if (!c->path)
		return error_set(err, -ENOPROTOOPT, "Private key must be configured to use SSL");
	if (c->err)
		return bad_file(c, "private key", err);
	bio = BIO_new_mem_buf(strbuf_cstr(&c->bytes), c->bytes.len);
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (!key)
		return bad_file(c, "private key", err);
	ok = SSL_CTX_use_PrivateKey(ctx, key);
	EVP_PKEY_free(key);
	return ok == 1 ? 0 : bad_file(c, "private key", err);
}

// Calls use(ctx, certificate, index), which gives 1, for each certificate of the file; at least one must be there.
static int each_certificate(SSL_CTX *ctx, const struct content *c, const char *what,
			    int (*use)(SSL_CTX *ctx, X509 *cert, int index), struct error *err)
{
	BIO *bio;
	X509 *cert;
	unsigned long e;
	int n = 0, ok = 1;

	if (c->err)
		return bad_file(c, what, err);
	bio = BIO_new_mem_buf(strbuf_cstr(&c->bytes), c->bytes.len);
	while (ok == 1 && (cert = PEM_read_bio_X509(bio, NULL, no_password, NULL))) {
		ok = use(ctx, cert, n++);
		X509_free(cert);
	}
	BIO_free(bio);
	e = ERR_peek_last_error();
	// The end of the file is told like an error.
	if (ok != 1 || !n || ERR_GET_REASON(e) != PEM_R_NO_START_LINE)
		return bad_file(c, what, err);
	ERR_clear_error();
	return 0;
}

static int use_own(SSL_CTX *ctx, X509 *cert, int index)
{
	return index ? SSL_CTX_add1_chain_cert(ctx, cert) : SSL_CTX_use_certificate(ctx, cert);
}

static int use_peer_ca(SSL_CTX *ctx, X509 *cert, int index)
{
	return SSL_CTX_add1_chain_cert(ctx, cert);
}

static int use_ca(SSL_CTX *ctx, X509 *cert, int index)
{
	return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) == 1 &&
	       SSL_CTX_add_client_CA(ctx, cert) == 1;
}

// Is there a context that verifies so, of the settings as they are?
static bool is_in_use(enum tls_verify verify)
{
	return tls.context && tls.verify == verify && !tls.changed;
}

static int use_ca_file(SSL_CTX *ctx, const struct content *c, enum tls_verify *ret_verify,
		       struct error *err)
{
	const char *ca = tls.value[TLS_CA_CERT];

	if (ca && !strcmp(ca, "none")) {
		if (!is_in_use(TLS_VERIFY_NOTHING))
			log_warn(
				"--ca-cert=none: peers are not verified, which is a security risk");
		*ret_verify = TLS_VERIFY_NOTHING;
		return 0;
	}
	if (!c->path)
		return error_set(err, -ENOPROTOOPT, "CA certificate must be configured to use SSL");
	// A file that was there is not made anew: its loss must not make us trust the next best peer.
	*ret_verify = !ca && c->err == -ENOENT && !is_in_use(TLS_VERIFY_CA) ? TLS_VERIFY_BOOTSTRAP
									    : TLS_VERIFY_CA;
	if (*ret_verify == TLS_VERIFY_BOOTSTRAP)
		return 0;
	return each_certificate(ctx, c, "CA certificate", use_ca, err);
}

static int use_connection_settings(SSL_CTX *ctx, struct error *err)
{
	const char *protocols = tls.value[TLS_PROTOCOLS], *ciphers = tls.value[TLS_CIPHERS],
		   *suites = tls.value[TLS_CIPHERSUITES];
	int min = TLS1_2_VERSION, max = TLS1_3_VERSION;

	if (protocols && *protocols && parse_protocols(protocols, &min, &max, err) < 0)
		return error_wrap(err, "--ssl-protocols");
	if (SSL_CTX_set_min_proto_version(ctx, min) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, max) != 1)
		return error_set(err, -ENOPROTOOPT, "--ssl-protocols=%s: %s", protocols,
				 tls_library_error());
	if (!ciphers || !*ciphers)
		ciphers = DEFAULT_CIPHERS;
	if (SSL_CTX_set_cipher_list(ctx, ciphers) != 1)
		return error_set(err, -ENOPROTOOPT, "--ssl-ciphers=%s: %s", ciphers,
				 tls_library_error());
	if (suites && *suites && SSL_CTX_set_ciphersuites(ctx, suites) != 1)
		return error_set(err, -ENOPROTOOPT, "--ssl-ciphersuites=%s: %s", suites,
				 tls_library_error());
	return 0;
}

static int fill_context(SSL_CTX *ctx, const struct content files[FILE_MAX],
			enum tls_verify *ret_verify, struct error *err)
{
	int ret = use_key(ctx, &files[FILE_KEY], err);

	if (!ret && !files[FILE_CERTIFICATE].path)
		ret = error_set(err, -ENOPROTOOPT, "Certificate must be configured to use SSL");
	if (!ret)
		ret = each_certificate(ctx, &files[FILE_CERTIFICATE], "certificate", use_own, err);
	if (!ret && SSL_CTX_check_private_key(ctx) != 1)
		ret = error_set(err, -ENOPROTOOPT,
				"%s: private key does not match the certificate in %s (%s)",
				files[FILE_KEY].path, files[FILE_CERTIFICATE].path,
				tls_library_error());
	if (!ret)
		ret = use_ca_file(ctx, &files[FILE_CA], ret_verify, err);
	if (!ret && files[FILE_PEER_CA].path)
		ret = each_certificate(ctx, &files[FILE_PEER_CA], "peer CA certificate",
				       use_peer_ca, err);
	return ret ? ret : use_connection_settings(ctx, err);
}

static SSL_CTX *context_create(const struct content files[FILE_MAX], enum tls_verify *ret_verify,
			       struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (!ctx) {
		error_set(err, -ENOMEM, "%s", tls_library_error());
		return NULL;
	}
	// No renegotiation; and no resumption, so that every connection is verified with the files of its time.
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	ERR_clear_error();
	if (fill_context(ctx, files, ret_verify, err) < 0) {
		ERR_clear_error();
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

// Makes a context of what is set and in the files now. Settings that are changed and no good leave nothing; files that are being
// replaced, and do not fit together yet, leave what was there.
static void refresh(const struct content files[FILE_MAX], const unsigned char digest[])
{
	enum tls_verify verify = TLS_VERIFY_CA;
	struct error err = ERROR_INIT;
	SSL_CTX *ctx = context_create(files, &verify, &err);
	bool keep = !ctx && !tls.changed && tls.context;

	tls.tried = true;
	tls.changed = false;
	memcpy(tls.digest, digest, EVP_MAX_MD_SIZE);
	tls.error = err;
	if (!ctx)
		log_err("%s%s", err.text, keep ? "; what was read before stays in use" : "");
	if (keep)
		return;
	if (ctx && tls.context)
		log_info("settings or files have changed: new connections use them");
	SSL_CTX_free(tls.context);
	tls.context = ctx;
	tls.verify = verify;
}

SSL_CTX *tls_context_get(enum tls_verify *ret_verify, struct error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	struct content files[FILE_MAX];

	if (openssl_load(err))
		return NULL;
	read_files(files);
	digest_files(files, digest);
	if (!tls.tried || tls.changed || memcmp(digest, tls.digest, sizeof(digest)) != 0)
		refresh(files, digest);
	free_files(files);
	if (!tls.context) {
		error_set(err, tls.error.code, "%s", tls.error.text);
		return NULL;
	}
	SSL_CTX_up_ref(tls.context);
	*ret_verify = tls.verify;
	return tls.context;
}

int tls_check(struct error *err)
{
	enum tls_verify verify;
	SSL_CTX *ctx = tls_context_get(&verify, err);

	if (!ctx)
		return -ENOPROTOOPT;
	SSL_CTX_free(ctx);
	return 0;
}

// ---- Bootstrap ----

// Does 'ca' certify 'leaf', as a CA does for such a peer?
static bool certifies(X509 *ca, X509 *leaf, STACK_OF(X509) * chain, bool peer_is_server)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok = X509_STORE_add_cert(store, ca) == 1 &&
		  X509_STORE_CTX_init(ctx, store, leaf, chain) == 1 &&
		  X509_STORE_CTX_set_default(ctx, peer_is_server ? "ssl_server" : "ssl_client") ==
			  1 &&
		  X509_verify_cert(ctx) == 1;

	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return ok;
}

// Complete, or not at all: the file gets its name when all is written. An older one stays.
static int write_ca(const char *path, X509 *ca, struct error *err)
{
	AUTO_FREE char *temporary = xasprintf("%s.tmp.%ld", path, (long)getpid());
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0444), ret;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return error_set(err, -errno, "%s: cannot be made (%s)", temporary,
				 strerror(errno));
	ret = PEM_write_X509(f, ca) == 1 && !fflush(f) && !fsync(fd) ? 0 : -EIO;
	fclose(f);
	if (!ret && link(temporary, path) < 0 && errno != EEXIST)
		ret = -errno;
	unlink(temporary);
	return ret ? error_set(err, ret, "%s: cannot be made (%s)", path, strerror(-ret)) : 0;
}

int tls_bootstrap(SSL *ssl, struct error *err)
{
	const char *path = tls.value[TLS_BOOTSTRAP_CA_CERT];
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	bool peer_is_server = !SSL_is_server(ssl);
	X509 *leaf = SSL_get0_peer_certificate(ssl), *ca;
	// A client's chain comes without its own certificate.
	int n = sk_X509_num(chain) + (peer_is_server ? 0 : 1), ret = 0;

	if (!path)
		return error_set(err, -EPROTO, "the settings have changed meanwhile");
	if (!leaf)
		return error_set(err, -EPROTO, "the peer has sent no certificate");
	if (n < 2)
		return error_set(err, -EPROTO, "%s",
				 X509_self_signed(leaf, 1) == 1
					 ? "the peer's certificate is self-signed"
					 : "the peer sends its own certificate only");
	ca = sk_X509_value(chain, sk_X509_num(chain) - 1);
	if (X509_self_signed(ca, 1) != 1)
		ret = error_set(err, -EPROTO,
				"the last certificate of the peer is not that of a CA");
	else if (!certifies(ca, leaf, chain, peer_is_server))
		ret = error_set(err, -EPROTO,
				"the CA certificate of the peer does not certify the peer");
	ERR_clear_error();
	if (!ret)
		ret = write_ca(path, ca, err);
	if (!ret)
		log_info("%s: CA certificate has been taken from the peer", path);
	return ret;
}
