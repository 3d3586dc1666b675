// SPDX-License-Identifier: Apache-2.0
// Commands that need no switch: matches, actions, instructions and hellos between text and the wire, there and back.
#include <ctype.h>
#include <stdio.h>

#include "core/flow/fields.h"
#include "ofproto/openflow/of-match.h"
#include "utilities/ovs-ofctl.h"

// ---- Lines and hex ----

static void cut_blanks(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
}

// The next line of standard input without its comment and the blanks at its end; '*whole' has the comment. False at the end.
static bool next_line(char **whole, char *line, size_t size)
{
	static size_t room;

	if (getline(whole, &room, stdin) < 0)
		return false;
	cut_blanks(*whole);
	if (strlen(*whole) >= size)
		fatal(0, "a line of standard input is longer than %zu bytes", size - 1);
	strcpy(line, *whole);
	line[strcspn(line, "#")] = '\0';
	cut_blanks(line);
	return true;
}

// The same for who has nothing to say about empty lines.
static bool next_full_line(char **whole, char *line, size_t size)
{
	while (next_line(whole, line, size))
		if (*line)
			return true;
	return false;
}

size_t ofctl_parse_hex(const char *s, struct strbuf *out)
{
	size_t n = 0;

	for (;; s += 2, n++) {
		int byte;

		while (isspace((unsigned char)*s))
			s++;
		byte = hex_byte(s);
		if (byte < 0)
			break;
		wr_u8(out, byte);
	}
	return *s ? strlen(s) : 0;
}

void ofctl_need_hex(const char *s, struct strbuf *out)
{
	if (ofctl_parse_hex(s, out))
		fatal(0, "Trailing garbage in hex data");
}

void ofctl_print_bytes(const struct strbuf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		size_t column = i % 16;

		if (!column)
			printf("%08zx ", i);
		printf("%c%02x%s", column == 8 ? '-' : ' ', (uint8_t)b->s[i],
		       column == 15 || i == b->len - 1 ? "\n" : "");
	}
}

static void put_byte(const struct strbuf *b, size_t i)
{
	if (i < b->len)
		printf("%02x", (uint8_t)b->s[i]);
	else
		printf("(none)");
}

// Where 'b' differs from 'a', byte by byte.
static void print_differences(const char *prefix, const struct strbuf *a, const struct strbuf *b)
{
	for (size_t i = 0; i < MAX(a->len, b->len); i++) {
		if (i < a->len && i < b->len && a->s[i] == b->s[i])
			continue;
		printf("%s%2zu: ", prefix, i);
		put_byte(a, i);
		printf(" -> ");
		put_byte(b, i);
		putchar('\n');
	}
}

static void print_match(const struct match *m)
{
	AUTO_FREE char *text = match_to_string(m, NULL);

	puts(text);
}

// ---- Actions and instructions ----

static uint8_t one_version(const char *text)
{
	for (uint8_t v = OFP10; v <= OFP15; v++)
		if (!strcasecmp(of_version_name(v), text))
			return v;
	fatal(0, "%s: not a valid OpenFlow version", text);
}

struct list_codec {
	const char *what;
	enum ofperr (*decode)(struct reader *r, uint8_t version, struct strbuf *out);
	void (*encode)(struct acts a, uint8_t version, struct strbuf *out);
};

static void print_list(const struct list_codec *c, const char *line, const char *name,
		       uint8_t version)
{
	AUTO(strbuf) bytes = STRBUF_INIT;
	AUTO(strbuf) list = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	AUTO(strbuf) again = STRBUF_INIT;
	struct reader r;
	enum ofperr e;

	ofctl_need_hex(line, &bytes);
	r = rd_init(strbuf_cstr(&bytes), bytes.len);
	e = c->decode(&r, version, &list);
	if (e) {
		printf("bad %s %s: %s\n\n", name, c->what, ofperr_name(e));
		return;
	}
	acts_format(acts_of(&list), NULL, &text);
	printf("actions=%s\n", strbuf_cstr(&text));
	c->encode(acts_of(&list), version, &again);
	print_differences("", &bytes, &again);
	putchar('\n');
}

static void parse_lists(const struct list_codec *c, const char *name)
{
	uint8_t version = one_version(name);
	AUTO_FREE char *whole = NULL;
	char line[65536];

	while (next_full_line(&whole, line, sizeof(line)))
		print_list(c, line, name, version);
}

static void run_parse_actions(int argc, char *argv[])
{
	static const struct list_codec codec = { "actions", acts_decode_actions,
						 acts_encode_actions };

	parse_lists(&codec, argv[1]);
}

static enum ofperr decode_instructions(struct reader *r, uint8_t version, struct strbuf *out)
{
	return version == OFP10 ? acts_decode_actions(r, version, out)
				: acts_decode_instructions(r, version, out);
}

static void encode_instructions(struct acts a, uint8_t version, struct strbuf *out)
{
	if (version == OFP10)
		acts_encode_actions(a, version, out);
	else
		acts_encode_instructions(a, version, out);
}

static void run_parse_instructions(int argc, char *argv[])
{
	static const struct list_codec codec = { "instructions", decode_instructions,
						 encode_instructions };

	parse_lists(&codec, argv[1]);
}

// ---- Matches of a fixed form ----

struct fixed_codec {
	const char *name;
	size_t length;
	enum ofperr (*decode)(struct reader *r, struct match *m);
	void (*encode)(const struct match *m, struct strbuf *out);
};

static void print_fixed(const struct fixed_codec *c, const struct strbuf *bytes)
{
	AUTO(strbuf) again = STRBUF_INIT;
	AUTO(strbuf) normal = STRBUF_INIT;
	struct reader r = rd_init(bytes->s, bytes->len);
	struct match m;
	enum ofperr e = c->decode(&r, &m);

	if (e) {
		printf("bad %s: %s\n\n", c->name, ofperr_name(e));
		return;
	}
	print_match(&m);
	c->encode(&m, &again);
	print_differences("", bytes, &again);
	// What is never looked at goes.
	match_normalize(&m);
	c->encode(&m, &normal);
	print_differences("normal: ", &again, &normal);
	putchar('\n');
}

static void parse_fixed(const struct fixed_codec *c)
{
	AUTO_FREE char *whole = NULL;
	char line[4096];

	while (next_full_line(&whole, line, sizeof(line))) {
		AUTO(strbuf) bytes = STRBUF_INIT;

		ofctl_need_hex(line, &bytes);
		if (bytes.len != c->length)
			fatal(0, "Input is %zu bytes, expected %zu", bytes.len, c->length);
		print_fixed(c, &bytes);
	}
}

static void run_parse_match10(int argc, char *argv[])
{
	static const struct fixed_codec codec = { "ofp10_match", MATCH10_LEN, match10_decode_raw,
						  match10_encode };

	parse_fixed(&codec);
}

static void encode_match11(const struct match *m, struct strbuf *out)
{
	match11_encode(m, OFP11, out);
}

static void run_parse_match11(int argc, char *argv[])
{
	static const struct fixed_codec codec = { "ofp11_match", MATCH11_LEN, match11_decode,
						  encode_match11 };

	parse_fixed(&codec);
}

// ---- NXM and OXM, by name ----

#define COOKIE_NAME "NXM_NX_COOKIE"
#define COOKIE_CLASS 0x0001
#define COOKIE_FIELD 30

struct nxm_name {
	const char *name;
	uint16_t class;
	uint8_t field;
	uint32_t experimenter;
	uint16_t n_bytes;
	bool maskable;
};

static struct nxm_name of_code(const struct field *f, const struct field_oxm *c)
{
	return (struct nxm_name){ c->name,	   c->class,   c->field,
				  c->experimenter, f->n_bytes, f->maskable };
}

static const struct nxm_name cookie_name = { COOKIE_NAME, COOKIE_CLASS, COOKIE_FIELD, 0, 8, true };

static bool same_name(const char *name, const char *s, size_t n)
{
	return strlen(name) == n && !memcmp(name, s, n);
}

static bool name_lookup(const char *s, size_t n, struct nxm_name *ret)
{
	if (same_name(COOKIE_NAME, s, n)) {
		*ret = cookie_name;
		return true;
	}
	for (unsigned int id = 0; id < FIELD_MAX; id++) {
		const struct field *f = field_get(id);

		for (size_t i = 0; i < ARRAY_SIZE(f->oxm) && f->oxm[i].name; i++)
			if (same_name(f->oxm[i].name, s, n)) {
				*ret = of_code(f, &f->oxm[i]);
				return true;
			}
	}
	return false;
}

// Eight hex digits are a header itself.
static bool hex_header(const char *s, size_t n, uint32_t *ret)
{
	*ret = 0;
	if (n != 8)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (hex_digit(s[i]) < 0)
			return false;
		*ret = *ret << 4 | hex_digit(s[i]);
	}
	return true;
}

// Puts the header that text names; *ret_n bytes of value follow it, and as many of mask.
static void put_named_header(const char *all, const char *s, size_t n, struct strbuf *out,
			     size_t *ret_n, bool *ret_mask)
{
	bool mask = n > 2 && !memcmp(s + n - 2, "_W", 2);
	struct nxm_name f;
	uint32_t header;

	if (hex_header(s, n, &header)) {
		*ret_mask = header >> 8 & 1;
		*ret_n = *ret_mask ? (header & 0xff) / 2 : header & 0xff;
		wr_be32(out, header);
		return;
	}
	if (!name_lookup(s, mask ? n - 2 : n, &f) || (mask && !f.maskable))
		fatal(0, "%s: unknown field `%.*s'", all, (int)n, s);
	*ret_mask = mask;
	*ret_n = f.n_bytes;
	wr_be16(out, f.class);
	wr_u8(out, f.field << 1 | mask);
	wr_u8(out, (f.experimenter ? 4 : 0) + f.n_bytes * (mask ? 2 : 1));
	if (f.experimenter)
		wr_be32(out, f.experimenter);
}

// Takes 'n' bytes of hex digits with blanks between them; how many there were.
static size_t take_bytes(const char **s, size_t n, struct strbuf *out)
{
	size_t got = 0;

	for (;; got++) {
		int byte;

		while (isspace((unsigned char)**s))
			++*s;
		byte = hex_byte(*s);
		if (byte < 0)
			return got;
		if (got < n)
			wr_u8(out, byte);
		*s += 2;
	}
}

static void put_mask(const char *all, const char *name, size_t n_name, const char **s, size_t n,
		     struct strbuf *out)
{
	while (isspace((unsigned char)**s))
		++*s;
	if (**s != '/')
		fatal(0, "%s: missing / in masked field %.*s", all, (int)n_name, name);
	++*s;
	if (take_bytes(s, n, out) != n)
		fatal(0, "%s: hex digits expected", *s);
}

// "NAME(VALUE), NAME_W(VALUE/MASK)...": 'all' is the whole text.
static void put_nxm_text(const char *all, struct strbuf *out)
{
	const char *s = all;

	if (!strcmp(all, "<any>"))
		return;
	for (s += strspn(s, ", "); *s; s += strspn(s, ", ")) {
		const char *name = s;
		size_t n_name = strcspn(s, "("), n, got;
		bool mask;

		if (!name[n_name])
			fatal(0, "%s: missing ( at end of nx_match", all);
		put_named_header(all, name, n_name, out, &n, &mask);
		s += n_name + 1;
		got = take_bytes(&s, n, out);
		if (got != n)
			fatal(0, "expected to read %zu bytes but got %zu", n, got);
		if (mask)
			put_mask(all, name, n_name, &s, n, out);
		while (isspace((unsigned char)*s))
			s++;
		if (*s != ')')
			fatal(0, "%s: missing ) following field %.*s", all, (int)n_name, name);
		s++;
	}
}

static bool code_by_number(uint16_t class, uint8_t field, uint32_t experimenter, size_t n_bytes,
			   struct nxm_name *ret)
{
	const struct field *f = field_by_oxm(class, field, experimenter);

	// The cookie shares its number with a field of another length.
	if (!f ||
	    (class == COOKIE_CLASS && field == COOKIE_FIELD && n_bytes == cookie_name.n_bytes)) {
		*ret = cookie_name;
		return class == COOKIE_CLASS && field == COOKIE_FIELD;
	}
	for (size_t i = 0; i < ARRAY_SIZE(f->oxm) && f->oxm[i].name; i++)
		if (f->oxm[i].class == class && f->oxm[i].field == field &&
		    f->oxm[i].experimenter == experimenter)
			*ret = of_code(f, &f->oxm[i]);
	return true;
}

static void put_hex_digits(struct reader *r, size_t n, struct strbuf *out)
{
	while (n--)
		strbuf_printf(out, "%02x", rd_u8(r));
}

void ofctl_nxm_to_text(const void *p, size_t n, struct strbuf *out)
{
	struct reader r = rd_init(p, n);

	if (!n)
		strbuf_puts(out, "<any>");
	for (bool first = true; rd_left(&r); first = false) {
		uint16_t class = rd_be16(&r);
		uint8_t field = rd_u8(&r), length = rd_u8(&r);
		uint32_t experimenter = class == 0xffff ? rd_be32(&r) : 0;
		bool mask = field & 1;
		size_t bytes = length - (experimenter ? 4u : 0u);
		struct nxm_name f = { 0 };

		if (!first)
			strbuf_puts(out, ", ");
		if (code_by_number(class, field >> 1, experimenter, mask ? bytes / 2 : bytes, &f))
			strbuf_printf(out, "%s%s(", f.name, mask ? "_W" : "");
		else
			strbuf_printf(out, "%04x%02x%02x(", class, field, length);
		put_hex_digits(&r, mask ? bytes / 2 : bytes, out);
		if (mask) {
			strbuf_putc(out, '/');
			put_hex_digits(&r, bytes / 2, out);
		}
		strbuf_putc(out, ')');
	}
}

// Text to TLVs, to a match, to TLVs, to text. 'version' 0: NXM.
static void print_nxm(const char *line, uint8_t version)
{
	AUTO(strbuf) bytes = STRBUF_INIT;
	AUTO(strbuf) again = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	uint64_t cookie = 0, cookie_mask = 0;
	struct error ignored = ERROR_INIT;
	struct match m;
	enum ofperr e;
	size_t n;

	put_nxm_text(line, &bytes);
	n = bytes.len;
	if (version) {
		e = ofperr_of_match(
			match_get_oxm(&m, strbuf_cstr(&bytes), n, ofctl.strict, &ignored));
	} else {
		struct reader r;

		wr_pad(&bytes, 0, 8);
		r = rd_init(strbuf_cstr(&bytes), bytes.len);
		e = nxm_decode_as(&r, n, ofctl.strict, &m, &cookie, &cookie_mask);
	}
	if (e) {
		printf("nx_pull_match() returned error %s\n", ofperr_name(e));
		return;
	}
	if (version)
		match_put_oxm(&m, version, &again);
	n = version ? again.len : nxm_encode(&m, cookie, cookie_mask, &again);
	ofctl_nxm_to_text(strbuf_cstr(&again), n, &text);
	puts(strbuf_cstr(&text));
}

static void parse_nxm_lines(uint8_t version)
{
	AUTO_FREE char *whole = NULL;
	char line[65536];

	while (next_line(&whole, line, sizeof(line))) {
		if (*line)
			print_nxm(line, version);
		else
			puts(whole);
	}
}

static void run_parse_nxm(int argc, char *argv[])
{
	parse_nxm_lines(0);
}

static void run_parse_oxm(int argc, char *argv[])
{
	for (uint8_t v = OFP12; v <= OFP15; v++)
		if (!strcasecmp(of_version_name(v), argv[1])) {
			parse_nxm_lines(v);
			return;
		}
	fatal(0, "%s: not a valid version for OXM", argv[1]);
}

const struct ofctl_command ofctl_parse_commands[] = {
	{ "parse-actions", "VERSION: print actions given as hex on standard input", 1, 1,
	  run_parse_actions },
	{ "parse-instructions", "VERSION: the same for instructions", 1, 1,
	  run_parse_instructions },
	{ "parse-ofp10-match", ": print OpenFlow 1.0 matches given as hex on standard input", 0, 0,
	  run_parse_match10 },
	{ "parse-ofp11-match", ": the same for OpenFlow 1.1", 0, 0, run_parse_match11 },
	{ "parse-nx-match", ": read NXM matches by name, print what we make of them", 0, 0,
	  run_parse_nxm },
	{ "parse-nxm", ": the same", 0, 0, run_parse_nxm },
	{ "parse-oxm", "VERSION: the same for OXM", 1, 1, run_parse_oxm },
	{ NULL, NULL, 0, 0, NULL },
};
