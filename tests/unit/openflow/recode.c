// SPDX-License-Identifier: Apache-2.0
// Decodes messages and encodes them again, for tests that compare with the codecs of others.
//
// usage: recode again | all | name | print     messages in hex on stdin, one a line
//        recode flows                          flows in text
//        recode list
// "again": each in its own version and form, in hex; "!OFPBRC_BAD_TYPE" where it is refused. "all": what each is in every version and
// form that has it. "flows": flow_mods in every format that can say them. "print": as ovs-ofctl prints it. "name": "FLOW_MOD 1 nx". "list": all of these that there are.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ofproto/openflow/formats.h"
#include "tests/unit/openflow/recode-private.h"

bool recode_is_nx(enum msg_kind kind)
{
	return kind == KIND_NXT || kind == KIND_NXST || kind == KIND_NXST_REPLY;
}

bool recode_has_form(enum msg_type type, uint8_t version, bool nx)
{
	for (enum msg_kind k = KIND_OFPT; k <= KIND_ONFST_REPLY; k++)
		if (recode_is_nx(k) == nx && msg_has_kind(type, version, k))
			return true;
	return false;
}

static const struct recoder *recoder_of(enum msg_type type)
{
	static const struct recoder *const lists[] = { recode_switch, recode_flows };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (const struct recoder *r = lists[i]; r->f; r++)
			if (r->type == type)
				return r;
	abort();
}

// What a reply answers, which messages.def has before it.
static enum msg_type request_of(enum msg_type type, uint8_t version, bool nx)
{
	if (type == MSG_ROLE_REQUEST)
		return type;
	return type && recode_has_form(type - 1, version, nx) ? type - 1 : MSG_ECHO_REQUEST;
}

enum ofperr recode_to(struct msg *m, uint8_t version, bool nx, struct strbuf *out)
{
	AUTO(strbuf) request = STRBUF_INIT;
	struct target t = { .version = version, .nx = nx, .xid = m->xid, .out = out };
	enum msg_type asked = request_of(m->type, version, nx);
	size_t start = out->len;
	enum ofperr e;

	msg_end(&request, msg_begin_kind(asked, version, m->xid, nx, &request));
	t.request = (struct msg){ .type = asked,
				  .version = version,
				  .xid = m->xid,
				  .whole = request.s,
				  .size = request.len };
	e = recoder_of(m->type)->f(m, &t);
	if (e)
		strbuf_truncate(out, start);
	else if (msg_kind_of(m) >= KIND_OFPST && m->mp_flags && out->len > start)
		wr_patch_be16(out, start + 10, m->mp_flags);
	return e;
}

static void put_line(const struct strbuf *b, enum ofperr e)
{
	if (e)
		printf("!%s", ofperr_name(e));
	for (size_t i = 0; i < b->len; i++)
		printf("%02x", (uint8_t)b->s[i]);
	putchar('\n');
}

static void recode_one(const struct strbuf *message)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct msg m;
	enum ofperr e = msg_decode_header(message->s, message->len, &m);

	if (!e && (m.version < OFP10 || m.version > OFP15))
		e = OFPERR_OFPBRC_BAD_VERSION;
	if (!e)
		e = recode_to(&m, m.version, recode_is_nx(msg_kind_of(&m)), &out);
	put_line(&out, e);
}

static void recode_to_all(const struct strbuf *message)
{
	struct msg m;

	if (msg_decode_header(message->s, message->len, &m))
		return;
	for (uint8_t version = OFP10; version <= OFP15; version++)
		for (int nx = 0; nx <= 1; nx++) {
			AUTO(strbuf) out = STRBUF_INIT;
			struct msg copy = m;

			if (recode_has_form(m.type, version, nx) &&
			    !recode_to(&copy, version, nx, &out))
				put_line(&out, OFPERR_NONE);
		}
}

static void put_name(enum msg_type type, uint8_t version, bool nx)
{
	printf("%s %d %s\n", msg_name(type), version, nx ? "nx" : "standard");
}

static void name_one(const struct strbuf *message)
{
	struct msg m;
	enum ofperr e = msg_decode_header(message->s, message->len, &m);

	if (e)
		printf("!%s\n", ofperr_name(e));
	else
		put_name(m.type, m.version, recode_is_nx(msg_kind_of(&m)));
}

// As ovs-ofctl prints it; a form feed ends it.
static void print_one(const struct strbuf *message)
{
	AUTO(strbuf) text = STRBUF_INIT;

	msg_print(message->s, message->len, NULL, 1, &text);
	printf("%s\f", strbuf_cstr(&text));
}

static int list(void)
{
	for (enum msg_type type = 0; type < MSG_MAX; type++)
		for (uint8_t version = OFP10; version <= OFP15; version++)
			for (int nx = 0; nx <= 1; nx++)
				if (recode_has_form(type, version, nx))
					put_name(type, version, nx);
	return 0;
}

static char line[2 * UINT16_MAX + 16];

static bool read_hex(const char *p, struct strbuf *ret)
{
	strbuf_clear(ret);
	for (; hex_digit(p[0]) >= 0 && hex_digit(p[1]) >= 0; p += 2)
		wr_u8(ret, hex_digit(p[0]) << 4 | hex_digit(p[1]));
	return *p == '\n' || *p == '\0';
}

static int for_each_line(void (*f)(const struct strbuf *message))
{
	AUTO(strbuf) message = STRBUF_INIT;

	while (fgets(line, sizeof(line), stdin)) {
		if (!read_hex(line, &message) || !message.len) {
			fprintf(stderr, "recode: not hex: %.80s\n", line);
			return 1;
		}
		f(&message);
	}
	return 0;
}

static int again(void)
{
	return for_each_line(recode_one);
}

static int all(void)
{
	return for_each_line(recode_to_all);
}

static int name(void)
{
	return for_each_line(name_one);
}

static int print(void)
{
	return for_each_line(print_one);
}

// A flow in each form that can say it.
static void put_flow(const char *text)
{
	struct flow_mod fm;
	uint32_t formats;

	flow_mod_init(&fm);
	if (!flow_mod_parse(text, FM_ADD, NULL, &fm, &formats, NULL))
		for (unsigned int f = 0; f < FORMAT_MAX; f++) {
			AUTO(strbuf) out = STRBUF_INIT;

			if (!(formats >> f & 1))
				continue;
			flow_mod_encode_as(&fm, f, 1, &out);
			put_line(&out, OFPERR_NONE);
		}
	flow_mod_uninit(&fm);
}

static int flows(void)
{
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		put_flow(line);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*f)(void);
} modes[] = {
	{ "again", again }, { "all", all },	{ "name", name },
	{ "print", print }, { "flows", flows }, { "list", list },
};

int main(int argc, char *argv[])
{
	acts_allow_debug();
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(modes); i++)
		if (!strcmp(argv[1], modes[i].name))
			return modes[i].f();
	fprintf(stderr, "usage: %s again | all | name | print | flows | list\n", argv[0]);
	return 1;
}
