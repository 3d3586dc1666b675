// SPDX-License-Identifier: Apache-2.0
// Netlink: messages are built in a strbuf, sent several at once, and answered one by one with the kernel's own words.
//
// A socket belongs to one thread at a time. Numbers are in host order unless the name says be; attributes are padded to
// 4 bytes by the builder (netlink(7)). Parsing is libmnl's: what comes from the kernel is checked before it is read.
#pragma once

#include <libmnl/libmnl.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/types.h"

// ---- Building ----

// Appends a message header to 'b' and returns its offset; nl_msg_end() sets the length. 'flags' are NLM_F_*;
// NLM_F_REQUEST is added.
size_t nl_msg_begin(struct strbuf *b, uint16_t type, uint16_t flags);
void nl_msg_end(struct strbuf *b, size_t msg);
// Appends 'n' zeroed bytes of fixed header (genlmsghdr, tcmsg, ...), valid until the next append.
void *nl_put_header(struct strbuf *b, size_t n);
void nl_put(struct strbuf *b, uint16_t type, const void *p, size_t n);
void nl_put_flag(struct strbuf *b, uint16_t type);
void nl_put_u8(struct strbuf *b, uint16_t type, uint8_t v);
void nl_put_u16(struct strbuf *b, uint16_t type, uint16_t v);
void nl_put_u32(struct strbuf *b, uint16_t type, uint32_t v);
void nl_put_u64(struct strbuf *b, uint16_t type, uint64_t v);
void nl_put_be16(struct strbuf *b, uint16_t type, be16 v);
void nl_put_be32(struct strbuf *b, uint16_t type, be32 v);
void nl_put_be64(struct strbuf *b, uint16_t type, be64 v);
void nl_put_str(struct strbuf *b, uint16_t type, const char *s); // with its NUL
// Attributes between begin and end are inside; 'end' takes what 'begin' returned. A nest over 65535 bytes is cut out
// again and -EMSGSIZE returned.
size_t nl_nest_begin(struct strbuf *b, uint16_t type);
int nl_nest_end(struct strbuf *b, size_t nest);
// Takes an unfinished nest out again.
void nl_nest_cancel(struct strbuf *b, size_t nest);

// ---- Parsing ----

// What an attribute must be; unlisted ones are left out (kernels grow).
struct nl_policy {
	enum mnl_attr_data_type type; // MNL_TYPE_UNSPEC: any
	uint16_t min, max; // bytes of payload, 0: what the type says
	bool required;
};

// Sorts the attributes of [p, p + n) by type into attrs[0..n_policy), NULL where absent. 0, or -EPROTO and 'err' names
// 'what' and the attribute. The pointers are into 'p'.
int nl_parse(const void *p, size_t n, const struct nl_policy policy[], size_t n_policy,
	     const struct nlattr *attrs[], const char *what, struct error *err);
int nl_parse_nested(const struct nlattr *nest, const struct nl_policy policy[], size_t n_policy,
		    const struct nlattr *attrs[], const char *what, struct error *err);
// The attributes of a message after 'header' bytes of fixed header; -EPROTO when it is shorter.
int nl_parse_msg(const struct nlmsghdr *h, size_t header, const struct nl_policy policy[],
		 size_t n_policy, const struct nlattr *attrs[], const char *what,
		 struct error *err);
static inline size_t nl_len(const struct nlattr *a)
{
	return mnl_attr_get_payload_len(a);
}
// Unaligned reads; 0 when the attribute is absent (NULL).
uint16_t nl_u16(const struct nlattr *a);
uint32_t nl_u32(const struct nlattr *a);
uint64_t nl_u64(const struct nlattr *a);
be16 nl_be16(const struct nlattr *a);
be32 nl_be32(const struct nlattr *a);
be64 nl_be64(const struct nlattr *a);
static inline uint8_t nl_u8(const struct nlattr *a)
{
	return a ? *(const uint8_t *)mnl_attr_get_payload(a) : 0;
}
// NULL when absent; the policy (MNL_TYPE_NUL_STRING) has seen that it ends.
static inline const char *nl_str(const struct nlattr *a)
{
	return a ? mnl_attr_get_payload(a) : NULL;
}

// ---- Talking ----

struct nl_sock;

// 'protocol': NETLINK_GENERIC, NETLINK_ROUTE, NETLINK_NETFILTER. Extended acknowledgements and capped echoes are on.
int nl_open(int protocol, struct nl_sock **ret, struct error *err);
// Takes 'fd' (tests: one end of a datagram socket pair whose other end plays the kernel).
struct nl_sock *nl_open_fd(int fd);
void nl_close(struct nl_sock *s);
int nl_fd(const struct nl_sock *s);
uint32_t nl_pid(const struct nl_sock *s); // the port id that the kernel knows us by
int nl_join(struct nl_sock *s, unsigned int group, struct error *err);
// Bytes of kernel buffer, beyond the system's limit where we may.
void nl_set_rcvbuf(struct nl_sock *s, size_t bytes);

// One request of a batch: 'msg' (one whole message) is the caller's. After the call: 'error' is 0 or negative errno,
// 'text' the kernel's extended acknowledgement (or empty), 'reply' a copy of the message that came back, header and all
// (empty: none); the caller frees it by nl_request_uninit().
struct nl_request {
	struct strbuf msg;
	// No acknowledgement is needed: one behind it in the call that is answered says that it was done. It still has its error,
	// but no words of the kernel to a success.
	bool silent;
	int error;
	char text[128];
	struct strbuf reply;
	uint32_t seq;
	bool done;
};

void nl_request_uninit(struct nl_request *r);
static inline const struct nlmsghdr *nl_reply(const struct nl_request *r)
{
	return r->reply.len ? (const struct nlmsghdr *)r->reply.s : NULL;
}

// Sends all in as few system calls as the buffers allow and waits for all answers. Returns 0 when the kernel answered
// each (look at their 'error'), negative errno when the socket failed: those not answered then have error -EIO.
int nl_transact_many(struct nl_sock *s, struct nl_request *reqs[], size_t n);
// One request: its error, wrapped with the kernel's text in 'err'. 'ret_reply' may be NULL.
int nl_transact(struct nl_sock *s, const struct strbuf *msg, struct strbuf *ret_reply,
		struct error *err);

// Asks for a dump and calls 'cb' for each message; a negative return of 'cb' ends the dump and is returned. -EAGAIN: the
// table changed under the dump (NLM_F_DUMP_INTR); what was seen may be incomplete. What 'cb' has said in the same 'err' stays in it.
int nl_dump(struct nl_sock *s, const struct strbuf *msg,
	    int (*cb)(const struct nlmsghdr *h, void *aux), void *aux, struct error *err);
// As above, and again, some times, when the table changed: 'again' makes 'aux' forget what it has seen (NULL: it need not).
int nl_dump_whole(struct nl_sock *s, const struct strbuf *msg,
		  int (*cb)(const struct nlmsghdr *h, void *aux), void (*again)(void *aux),
		  void *aux, struct error *err);

// What came on a socket that has joined groups (or gets upcalls), without waiting. 0 after some datagrams (16 at most);
// -EAGAIN: nothing there; -ENOBUFS: the kernel dropped some: take stock again.
int nl_receive(struct nl_sock *s, void (*cb)(const struct nlmsghdr *h, void *aux), void *aux);
