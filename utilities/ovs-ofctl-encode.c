// SPDX-License-Identifier: Apache-2.0
// Commands that need no switch: hellos, error replies, how a match on a tag is said in each form, key-value text.
#include <limits.h>
#include <stdio.h>

#include "core/flow/fields.h"
#include "ofproto/openflow/of-match.h"
#include "utilities/ovs-ofctl.h"

static void run_encode_hello(int argc, char *argv[])
{
	AUTO(strbuf) text = STRBUF_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t versions;

	if (!parse_u32(argv[1], 0, &versions))
		fatal(0, "%s: not a bitmap of versions", argv[1]);
	// Bit 0 stands for no version.
	versions &= ~1u;
	if (!versions)
		fatal(0, "%s: no version is in the bitmap", argv[1]);
	hello_encode(versions, 1, &b);
	ofctl_print_bytes(&b);
	msg_print(b.s, b.len, NULL, 0, &text);
	fputs(strbuf_cstr(&text), stdout);
}

static enum ofperr error_by_name(const char *name)
{
	for (enum ofperr e = 1; e < OFPERR_COUNT; e++)
		if (!strcmp(ofperr_name(e), name))
			return e;
	fatal(0, "unknown error \"%s\"", name);
}

static void run_encode_error_reply(int argc, char *argv[])
{
	enum ofperr e = error_by_name(argv[1]);
	AUTO(strbuf) request = STRBUF_INIT;
	AUTO(strbuf) reply = STRBUF_INIT;
	const uint8_t *p;

	ofctl_need_hex(argv[2], &request);
	p = (const uint8_t *)strbuf_cstr(&request);
	if (request.len < 8)
		fatal(0, "Request too short");
	if (request.len != (size_t)(p[2] << 8 | p[3]))
		fatal(0, "Request size inconsistent");
	ofperr_encode(e, p[0], p, request.len, &reply);
	ofctl_print_bytes(&reply);
}

static void run_print_error(int argc, char *argv[])
{
	enum ofperr e = error_by_name(argv[1]);

	for (uint8_t v = OFP10; v <= OFP15; v++) {
		AUTO(strbuf) b = STRBUF_INIT;
		struct reader r;
		int type, code;
		uint32_t vendor = 0;

		ofperr_encode(e, v, "", 0, &b);
		if (ofperr_decode(b.s, b.len) != e) {
			printf("OpenFlow 1.%d: no code\n", v - 1);
			continue;
		}
		r = rd_init(b.s, b.len);
		rd_skip(&r, 8);
		type = rd_be16(&r);
		code = rd_be16(&r);
		if (type == 0xb0c2 && v < OFP12) {
			vendor = rd_be32(&r);
			type = rd_be16(&r);
			code = rd_be16(&r);
		} else if (type == 0xffff) {
			type = code;
			code = 0;
			vendor = rd_be32(&r);
		}
		printf("OpenFlow 1.%d: vendor %s%x, type %d, code %d\n", v - 1, vendor ? "0x" : "",
		       vendor, type, code);
	}
}

// ---- Tags ----

static void print_tci(const struct match *m)
{
	printf(" -> %04x/%04x\n", be16toh(m->key.vlans[0].tci), be16toh(m->mask.m.vlans[0].tci));
}

static void parse_words(char *text, struct match *m)
{
	struct error err = ERROR_INIT;
	char *save = NULL;

	match_init_any(m);
	for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(w, '=');

		if (eq)
			*eq = '\0';
		if (match_parse_word(m, w, eq ? eq + 1 : NULL, NULL, &err))
			fatal(0, "%s", err.text);
	}
}

static void check_text(const struct match *m)
{
	AUTO_FREE char *text = match_to_string(m, NULL);
	struct match again;

	fputs(text, stdout);
	parse_words(text, &again);
	print_tci(&again);
}

static void check_nxm(const struct match *m)
{
	AUTO(strbuf) text = STRBUF_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	size_t n = nxm_encode(m, 0, 0, &b);
	struct reader r = rd_init(strbuf_cstr(&b), b.len);
	struct match again;
	enum ofperr e = nxm_decode(&r, n, &again, NULL, NULL);

	ofctl_nxm_to_text(strbuf_cstr(&b), n, &text);
	printf("NXM: %s", strbuf_cstr(&text));
	if (e)
		printf(" -> %s\n", ofperr_name(e));
	else
		print_tci(&again);
}

static void check_oxm(const struct match *m)
{
	const struct field *vid = field_get(FIELD_VLAN_VID), *pcp = field_get(FIELD_VLAN_PCP);
	union field_value value, mask;
	AUTO(strbuf) text = STRBUF_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match again;

	match_put_oxm(m, OFP12, &b);
	ofctl_nxm_to_text(strbuf_cstr(&b), b.len, &text);
	printf("OXM: %s", strbuf_cstr(&text));
	if (match_get_oxm(&again, strbuf_cstr(&b), b.len, true, &err)) {
		printf(" -> %s\n", err.text);
		return;
	}
	field_read(vid, &again.key, &value);
	field_read(vid, &again.mask.m, &mask);
	printf(" -> %04x/%04x,", be16toh(value.be16), be16toh(mask.be16));
	// Where there is no tag there is no priority to speak of.
	if (field_is_in(pcp, &again.mask.m) && again.key.vlans[0].tci & htobe16(VLAN_PRESENT)) {
		field_read(pcp, &again.key, &value);
		printf("%02x\n", value.u8);
	} else {
		puts("--");
	}
}

// The fixed forms: the id and the priority with their wildcard bits. Where they are differs.
struct fixed_tag {
	const char *name;
	size_t wildcards, vid, pcp; // offsets
	uint32_t vid_bit, pcp_bit;
	void (*encode)(const struct match *m, struct strbuf *out);
	enum ofperr (*decode)(struct reader *r, struct match *m);
};

static void encode_match11(const struct match *m, struct strbuf *out)
{
	match11_encode(m, OFP11, out);
}

static uint32_t be_at(const struct strbuf *b, size_t ofs, size_t n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | (uint8_t)b->s[ofs++];
	return v;
}

static void check_fixed(const struct match *m, const struct fixed_tag *t)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct match again;
	struct reader r;
	uint32_t wild;

	t->encode(m, &b);
	wild = be_at(&b, t->wildcards, 4);
	printf("%s: %04x/%d,%02x/%d", t->name, be_at(&b, t->vid, 2), !!(wild & t->vid_bit),
	       be_at(&b, t->pcp, 1), !!(wild & t->pcp_bit));
	r = rd_init(b.s, b.len);
	if (t->decode(&r, &again))
		puts(" -> error");
	else
		print_tci(&again);
}

static void run_check_vlan(int argc, char *argv[])
{
	static const struct fixed_tag tags[] = {
		{ "OF1.0", 0, 18, 20, 1 << 1, 1 << 20, match10_encode, match10_decode },
		{ "OF1.1", 8, 36, 38, 1 << 1, 1 << 2, encode_match11, match11_decode },
	};
	uint32_t tci, mask;
	struct match m;

	if (!parse_u32(argv[1], 16, &tci) || tci > UINT16_MAX)
		fatal(0, "%s: not a tag", argv[1]);
	if (!parse_u32(argv[2], 16, &mask) || mask > UINT16_MAX)
		fatal(0, "%s: not a mask of a tag", argv[2]);
	match_init_any(&m);
	m.key.vlans[0].tci = htobe16(tci & mask);
	m.mask.m.vlans[0].tci = htobe16(mask);
	check_text(&m);
	check_nxm(&m);
	check_oxm(&m);
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		check_fixed(&m, &tags[i]);
}

// ---- Keys and values ----

#define BLANKS ", \t\r\n"

// Up to a separator that is in no parentheses.
static size_t value_length(const char *s)
{
	const char *start = s;

	for (int depth = 0; *s && (depth > 0 || !strchr(BLANKS, *s)); s++) {
		depth += *s == '(';
		depth -= *s == ')' && depth;
	}
	return s - start;
}

// Behind an opening parenthesis: up to the one that closes it, or to the end.
static size_t nested_length(const char *s)
{
	const char *start = s;

	for (int depth = 1; *s; s++) {
		depth += *s == '(';
		depth -= *s == ')';
		if (!depth)
			break;
	}
	return s - start;
}

static void print_pairs(const char *s)
{
	bool first = true;

	for (s += strspn(s, BLANKS); *s; s += strspn(s, BLANKS)) {
		const char *key = s;
		size_t n_key = strcspn(s, ":=(" BLANKS), n = 0;

		s += n_key;
		if (*s == '(') {
			n = nested_length(++s);
		} else if (*s && strchr(":=", *s)) {
			n = value_length(++s);
		}
		printf("%s%.*s", first ? "" : ", ", (int)n_key, key);
		if (n)
			printf("=%.*s", (int)n, s);
		s += n + (s[n] == ')' && s[-1] == '(');
		first = false;
	}
	putchar('\n');
}

static void run_parse_key_value(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		print_pairs(argv[i]);
}

const struct ofctl_command ofctl_encode_commands[] = {
	{ "encode-hello", "BITMAP: the hello of these versions", 1, 1, run_encode_hello },
	{ "encode-error-reply", "ERROR REQUEST: the error that answers a request given as hex", 2,
	  2, run_encode_error_reply },
	{ "print-error", "NAME: an error's numbers", 1, 1, run_print_error },
	{ "check-vlan", "TCI MASK: how a match on a tag is said in each form", 2, 2,
	  run_check_vlan },
	{ "parse-key-value", "TEXT...: keys and values in text", 1, INT_MAX, run_parse_key_value },
	{ NULL, NULL, 0, 0, NULL },
};
