// SPDX-License-Identifier: Apache-2.0
// Streams inside TLS.
#include "core/io/tls-private.h"

#include <unistd.h>

#include "core/base/log.h"

LOG_MODULE(stream_ssl);

// A peer that has not finished the handshake by then is dropped.
#define HANDSHAKE_MSEC 10000
// What a TLS peer's first byte is (a handshake record), or when it refuses at once (an alert).
#define RECORD_HANDSHAKE 22
#define RECORD_ALERT 21

struct tls {
	struct stream *stream;
	bool server;
	char *host; // to ask for by name, or NULL
	SSL *ssl; // NULL until the handshake begins
	enum tls_verify verify;
	struct timer limit;
	int first_byte; // of what the peer sent; -1: nothing yet
	bool open; // the handshake is done
	bool eof; // of the connection below
	bool broken; // no farewell then
	char *peer_id;
};

static struct log_limit limit = LOG_LIMIT_INIT(60, 10);

// ---- The connection below, as the library sees it ----

static int bio_read(BIO *b, char *buf, int n)
{
	struct tls *t = BIO_get_data(b);
	ssize_t got;

	BIO_clear_retry_flags(b);
	do {
		got = recv(t->stream->watch.fd, buf, n, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		BIO_set_retry_read(b);
	else if (!got)
		t->eof = true;
	else if (got > 0 && t->first_byte < 0)
		t->first_byte = (unsigned char)*buf;
	return got;
}

static int bio_write(BIO *b, const char *buf, int n)
{
	struct tls *t = BIO_get_data(b);
	ssize_t sent;

	BIO_clear_retry_flags(b);
	do {
		sent = send(t->stream->watch.fd, buf, n, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN)
		BIO_set_retry_write(b);
	return sent;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	struct tls *t = BIO_get_data(b);

	if (cmd == BIO_CTRL_EOF)
		return t->eof;
	return cmd == BIO_CTRL_FLUSH;
}

static BIO *bio_create(struct tls *t)
{
	static BIO_METHOD *method;
	BIO *b;

	if (!method) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	b = BIO_new(method);
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	return b;
}

// ---- Errors ----

// What went wrong, in words; empties the library's queue.
static const char *describe(struct tls *t, char *buf, size_t size)
{
	unsigned long e = ERR_peek_error();
	int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
	const char *text = tls_library_error();

	if (t->first_byte >= 0 && t->first_byte != RECORD_HANDSHAKE &&
	    t->first_byte != RECORD_ALERT)
		snprintf(buf, size, "peer does not speak TLS");
	else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		snprintf(buf, size, "%s: %s", text,
			 X509_verify_cert_error_string(SSL_get_verify_result(t->ssl)));
	else if (reason > SSL_AD_REASON_OFFSET)
		snprintf(buf, size, "peer refuses: %s",
			 SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
	else
		snprintf(buf, size, "%s", text);
	return buf;
}

// What a call of the library that did not succeed means: 0 (the peer has said good-bye), -EAGAIN with *wait_for set, or another
// negative errno after a log line. 'error' is errno after the call.
static int outcome(struct tls *t, int ret, int error, int *wait_for)
{
	const char *phase = t->open ? "TLS" : "TLS handshake";
	char text[256];

	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		*wait_for = IO_READ;
		ERR_clear_error();
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*wait_for = IO_WRITE;
		ERR_clear_error();
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		ERR_clear_error();
		return 0;
	case SSL_ERROR_SYSCALL:
		t->broken = true;
		ERR_clear_error();
		// Later on it is told as for any other stream.
		if (!t->open)
			log_warn_limited(&limit, "%s: %s failed (%s)", t->stream->name, phase,
					 strerror(error ? error : ECONNRESET));
		return error ? -error : -ECONNRESET;
	default:
		t->broken = true;
		if (t->eof &&
		    ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
			ERR_clear_error();
			log_warn_limited(&limit,
					 "%s: %s failed (peer has closed the connection %s)",
					 t->stream->name, phase,
					 t->open ? "without saying so" : "before its end");
			return -ECONNRESET;
		}
		log_warn_limited(&limit, "%s: %s failed (%s)", t->stream->name, phase,
				 describe(t, text, sizeof(text)));
		return -EPROTO;
	}
}

// ---- Handshake ----

static void on_limit(struct timer *timer)
{
	struct tls *t = CONTAINER_OF(timer, struct tls, limit);

	log_warn_limited(&limit, "%s: TLS handshake failed (not done within %d seconds)",
			 t->stream->name, HANDSHAKE_MSEC / 1000);
	t->broken = true;
	stream_fail(t->stream, -ETIMEDOUT);
}

// While there is no CA certificate yet, any chain will do; it is looked at afterwards.
static int accept_any(int ok, X509_STORE_CTX *ctx)
{
	return 1;
}

static int begin(struct tls *t)
{
	static const int modes[] = {
		[TLS_VERIFY_CA] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		[TLS_VERIFY_NOTHING] = SSL_VERIFY_NONE,
		[TLS_VERIFY_BOOTSTRAP] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	};
	struct error err = ERROR_INIT;
	SSL_CTX *ctx = tls_context_get(&t->verify, &err);
	const char *name = tls_server_name() ? tls_server_name() : t->host;
	BIO *bio;

	if (!ctx)
		return err.code;
	t->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (!t->ssl) {
		ERR_clear_error();
		return -ENOMEM;
	}
	t->eof = t->broken = false;
	t->first_byte = -1;
	bio = bio_create(t);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_verify(t->ssl, modes[t->verify],
		       t->verify == TLS_VERIFY_BOOTSTRAP ? accept_any : NULL);
	if (t->server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	if (!t->server && name && SSL_set_tlsext_host_name(t->ssl, name) != 1) {
		log_warn_limited(&limit, "%s: \"%s\" cannot be a server name (%s)", t->stream->name,
				 name, tls_library_error());
		return -EINVAL;
	}
	if (!t->server)
		timer_in(&t->limit, HANDSHAKE_MSEC);
	return 0;
}

// The common name, when it is one, and plain text.
static char *common_name(X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1), n;
	unsigned char *utf8;
	char *name = NULL;

	if (i < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, i) >= 0)
		return NULL;
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
	if (n < 0) {
		ERR_clear_error();
		return NULL;
	}
	if (!memchr(utf8, '\0', n))
		name = xstrndup((char *)utf8, n);
	OPENSSL_free(utf8);
	return name;
}

static void forget(struct tls *t)
{
	timer_cancel(&t->limit);
	SSL_free(t->ssl);
	t->ssl = NULL;
	free(t->peer_id);
	t->peer_id = NULL;
	t->stream->read_on = IO_READ;
	t->stream->write_on = IO_WRITE;
}

static int finish_bootstrap(struct tls *t)
{
	struct error err = ERROR_INIT;
	int ret = tls_bootstrap(t->ssl, &err);

	if (ret < 0) {
		log_err("%s: no CA certificate can be taken from the peer (%s)", t->stream->name,
			err.text);
		return -EPROTO;
	}
	if (t->server)
		return -ECONNABORTED; // the peer's turn to come again
	SSL_shutdown(t->ssl);
	ERR_clear_error();
	forget(t);
	return -ERESTART;
}

static int tls_handshake(struct stream *s)
{
	struct tls *t = s->tls;
	int ret = t->ssl ? 0 : begin(t);

	if (ret < 0)
		return ret;
	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(t->ssl);
	if (ret != 1) {
		ret = outcome(t, ret, errno, &s->read_on);
		return ret ? ret : -ECONNRESET;
	}
	timer_cancel(&t->limit);
	s->read_on = IO_READ;
	if (t->verify == TLS_VERIFY_BOOTSTRAP)
		return finish_bootstrap(t);
	t->open = true;
	if (t->verify == TLS_VERIFY_CA && SSL_get0_peer_certificate(t->ssl))
		t->peer_id = common_name(SSL_get0_peer_certificate(t->ssl));
	log_dbg("%s: %s, %s, peer \"%s\"", s->name, SSL_get_version(t->ssl),
		SSL_get_cipher_name(t->ssl), t->peer_id ? t->peer_id : "");
	return 0;
}

// ---- Data ----

static ssize_t tls_recv(struct stream *s, void *buf, size_t n)
{
	struct tls *t = s->tls;
	size_t got;
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_read_ex(t->ssl, buf, n, &got);
	if (ret != 1)
		return outcome(t, ret, errno, &s->read_on);
	s->read_on = IO_READ;
	return got;
}

// A peer that refuses us in the midst of our sending has told why; that is better than "Broken pipe".
static ssize_t last_words(struct stream *s, ssize_t err)
{
	char sink[4096];
	ssize_t ret;

	do {
		ret = tls_recv(s, sink, sizeof(sink));
	} while (ret > 0);
	return ret == -EPROTO ? ret : err ? err : -EPIPE;
}

static ssize_t tls_send(struct stream *s, const void *buf, size_t n)
{
	struct tls *t = s->tls;
	size_t sent;
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_write_ex(t->ssl, buf, n, &sent);
	if (ret != 1) {
		ret = outcome(t, ret, errno, &s->write_on);
		return ret == -EAGAIN ? ret : last_words(s, ret);
	}
	s->write_on = IO_WRITE;
	return sent;
}

static bool tls_has_pending(const struct stream *s)
{
	return s->tls->ssl && SSL_pending(s->tls->ssl) > 0;
}

static void drain(int fd)
{
	char sink[4096];

	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 64 && recv(fd, sink, sizeof(sink), 0) > 0; i++)
		;
}

static void tls_close(struct stream *s)
{
	struct tls *t = s->tls;

	// The farewell goes if there is room for it; nobody waits for the peer's.
	if (t->open && !t->broken)
		SSL_shutdown(t->ssl);
	ERR_clear_error();
	// What the peer has sent and nobody reads would make the kernel reset the connection: our last words, an alert or a
	// farewell, might get lost.
	if (t->ssl)
		drain(s->watch.fd);
	forget(t);
	free(t->host);
	free(t);
	s->tls = NULL;
}

static const char *tls_peer_id(const struct stream *s)
{
	return s->tls->peer_id;
}

static const struct stream_class class = {
	.handshake = tls_handshake,
	.recv = tls_recv,
	.send = tls_send,
	.has_pending = tls_has_pending,
	.peer_id = tls_peer_id,
	.close = tls_close,
};

void stream_start_tls(struct stream *s, bool server, const char *host)
{
	struct tls *t = xzalloc(sizeof(*t));

	t->stream = s;
	t->server = server;
	t->host = host ? xstrdup(host) : NULL;
	t->first_byte = -1;
	timer_init(&t->limit, s->loop, on_limit);
	// The handshake begins with what a client sends: its time runs from now on.
	if (server)
		timer_in(&t->limit, HANDSHAKE_MSEC);
	s->tls = t;
	s->class = &class;
}
