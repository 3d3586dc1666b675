// SPDX-License-Identifier: Apache-2.0
// Colors in lines of flows. They are put in when a line is complete, by its words: what prints flows knows nothing of them.
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "utilities/ovs-ofctl.h"

enum color {
	PLAIN, // none
	ACTIONS, // "actions="
	DROP,
	LEARN,
	PARAM, // what has a value
	PAREN, // what has arguments
	SPECIAL,
	VALUE, // a word that stands by itself
	COLOR_MAX
};

// As OVS_COLORS names and sets them; PLAIN has none.
static struct {
	const char *name;
	char sgr[16];
} colors[COLOR_MAX] = {
	[ACTIONS] = { "ac", "1;31" }, [DROP] = { "dr", "34" },	[LEARN] = { "le", "31" },
	[PARAM] = { "pm", "36" },     [PAREN] = { "pr", "35" }, [SPECIAL] = { "sp", "33" },
	[VALUE] = { "vl", "32" },
};

// Words whose color is not that of their kind. 'next' is the character behind.
static const struct {
	const char *word;
	char next; // 0: it stands alone
	enum color color;
} words[] = {
	{ "table", '=', SPECIAL },     { "priority", '=', SPECIAL },
	{ "output", ':', SPECIAL },    { "load", ':', SPECIAL },
	{ "move", ':', SPECIAL },      { "set_field", ':', SPECIAL },
	{ "group", ':', SPECIAL },     { "resubmit", ':', SPECIAL },
	{ "output", '(', SPECIAL },    { "CONTROLLER", ':', PLAIN },
	{ "learn", '(', LEARN },       { "check_pkt_larger", '(', PARAM },
	{ "packet_type", '(', PLAIN }, { "packet_type", '=', PLAIN },
	{ "tlv", '(', PLAIN },	       { "md_type", '=', PLAIN },
	{ "port", '=', PLAIN },	       { "drop", 0, DROP },
	{ "exit", 0, SPECIAL },	       { "dec_nsh_ttl", 0, SPECIAL },
	{ "dec_ttl", 0, PAREN },       { "nat", 0, PAREN },
	{ "ingress", 0, PARAM },       { "egress", 0, PARAM },
};
// These alone have a color by themselves in actions; among what is matched all words have.
static const char *const alone[] = {
	"strip_vlan",	 "pop_vlan",   "dec_mpls_ttl", "pop_queue",
	"clear_actions", "ct_clear",   "commit",       "force",
	"pause",	 "debug_slow", "debug_recirc", "delete_learned",
	"persistent",	 "hash",       "random",       "send_flow_rem",
};
static const char *const flags[] = { "send_flow_rem", "check_overlap", "reset_counts",
				     "no_packet_counts", "no_byte_counts" };

struct scan {
	const char *s;
	struct strbuf *out;
	bool actions; // behind "actions="
	bool arrow; // of an action whose "->" has a color
	struct {
		enum color color;
		bool learn, comma; // ... a comma behind it has its color
	} parens[16]; // the open ones
	size_t depth;
};

// ---- Settings ----

static bool on;

static void set_color(const char *text)
{
	const char *value = strchr(text, '=');

	for (size_t i = ACTIONS; value && i < COLOR_MAX; i++)
		if (!strncmp(text, colors[i].name, 2) && value == text + 2 &&
		    strlen(value + 1) < sizeof(colors[i].sgr))
			strcpy(colors[i].sgr, value + 1);
}

// "never", "always" or "auto"; NULL: "auto", too.
void ofctl_set_color(const char *when)
{
	const char *terminal = getenv("TERM"), *env = getenv("OVS_COLORS");
	AUTO_FREE char *copy = env ? xstrdup(env) : NULL;
	char *save = NULL;

	if (!when || !strcmp(when, "auto"))
		on = isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
	else if (!strcmp(when, "always"))
		on = true;
	else if (strcmp(when, "never") != 0)
		fatal(0, "incorrect value `%s' for --color", when);
	for (char *s = copy ? strtok_r(copy, ":", &save) : NULL; s; s = strtok_r(NULL, ":", &save))
		set_color(s);
}

bool ofctl_has_color(void)
{
	return on;
}

// ---- Lines ----

static void put(struct scan *c, enum color color, size_t n)
{
	if (color == PLAIN)
		strbuf_put(c->out, c->s, n);
	else
		strbuf_printf(c->out, "\33[%sm\33[K%.*s\33[m\33[K", colors[color].sgr, (int)n,
			      c->s);
	c->s += n;
}

static bool is_one_of(const char *const *list, size_t n_list, const char *s, size_t n)
{
	for (size_t i = 0; i < n_list; i++)
		if (strlen(list[i]) == n && !memcmp(list[i], s, n))
			return true;
	return false;
}

static enum color color_of(const struct scan *c, size_t n, char next)
{
	bool separate = next == '=' || next == ':' || next == '(';

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].next == (separate ? next : 0) && strlen(words[i].word) == n &&
		    !memcmp(words[i].word, c->s, n))
			return words[i].color;
	if (separate)
		return next == '(' ? PAREN : PARAM;
	if (c->actions)
		return is_one_of(alone, ARRAY_SIZE(alone), c->s, n) ? VALUE : PLAIN;
	return is_one_of(flags, ARRAY_SIZE(flags), c->s, n) ? PLAIN : VALUE;
}

static bool is(const struct scan *c, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(c->s, word, n);
}

static void open_paren(struct scan *c, enum color color, bool learn, bool comma)
{
	if (c->depth < ARRAY_SIZE(c->parens)) {
		c->parens[c->depth].color = color;
		c->parens[c->depth].learn = learn;
		c->parens[c->depth].comma = comma;
	}
	c->depth++;
}

static void close_paren(struct scan *c)
{
	enum color color = PLAIN;
	bool comma = false;

	if (c->depth && --c->depth < ARRAY_SIZE(c->parens)) {
		color = c->parens[c->depth].color;
		comma = c->parens[c->depth].comma;
	}
	put(c, color, comma && c->s[1] == ',' ? 2 : 1);
}

static bool in_learn(const struct scan *c)
{
	return c->depth && c->depth <= ARRAY_SIZE(c->parens) && c->parens[c->depth - 1].learn;
}

// A name in quotes, whatever is in it; one that is cut off goes to the end.
static void put_quoted(struct scan *c)
{
	size_t n = 1 + strcspn(c->s + 1, "\"");

	put(c, PLAIN, c->s[n] ? n + 1 : n);
}

// The value behind "=" or ":", up to what separates.
static void put_value(struct scan *c)
{
	int depth = 0;

	while (*c->s) {
		if (*c->s == '"') {
			put_quoted(c);
		} else if (c->s[0] == '-' && c->s[1] == '>') {
			put(c, c->arrow ? SPECIAL : PLAIN, 2);
			depth = 0;
		} else if (!depth && strchr(", )", *c->s)) {
			return;
		} else {
			depth += *c->s == '(' ? 1 : *c->s == ')' ? -1 : 0;
			put(c, PLAIN, 1);
		}
	}
}

// A word and the parenthesis behind it; where the word and it have colors of their own, two.
static void put_call(struct scan *c, size_t n)
{
	bool learn = is(c, n, "learn"), exec = is(c, n, "exec"), output = is(c, n, "output");
	bool nsh = is(c, n, "nsh"), two = nsh || is(c, n, "nat") || is(c, n, "dec_ttl");
	enum color color = color_of(c, n, '(');

	if (two) {
		put(c, nsh ? PLAIN : PAREN, n);
		put(c, PAREN, 1);
		open_paren(c, PAREN, false, false);
		return;
	}
	put(c, color, output ? n : n + 1);
	if (output)
		put(c, PLAIN, 1);
	open_paren(c, color == PARAM || output ? PLAIN : color, learn, exec);
}

// What a rule that is learned matches: a field, and its value or the field that has it.
static void put_learned_field(struct scan *c, size_t n)
{
	bool field = c->s[n] == '=' && isalpha((unsigned char)c->s[n + 1]);

	if (c->s[n] != '=') {
		put(c, PARAM, n);
		return;
	}
	if (field) {
		put(c, PARAM, n);
		put(c, PARAM, 1);
	} else {
		put(c, PARAM, n + 1);
	}
	put_value(c);
}

static bool in_plain(const struct scan *c)
{
	return c->depth && c->depth <= ARRAY_SIZE(c->parens) &&
	       c->parens[c->depth - 1].color == PLAIN;
}

static void put_parameter(struct scan *c, size_t n)
{
	bool nat = c->actions && (is(c, n, "src") || is(c, n, "dst")), id = is(c, n, "conj_id");

	c->arrow = c->s[n] == ':';
	if (c->s[n] == '=' && (nat || id)) {
		put(c, PARAM, n);
		put(c, nat ? PARAM : PLAIN, 1);
	} else {
		put(c, in_plain(c) ? PLAIN : color_of(c, n, c->s[n]), n + 1);
	}
	put_value(c);
}

static bool is_word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

static void put_word(struct scan *c, bool frame)
{
	const char *end;
	size_t n = 0;

	while (is_word(c->s[n]))
		n++;
	end = c->s[n] == '[' ? strchr(c->s + n, ']') : NULL;
	if (end)
		n = end + 1 - c->s;
	if (!c->actions && is(c, n, "actions") && c->s[n] == '=') {
		put(c, frame ? ACTIONS : PLAIN, n + 1);
		c->actions = true;
	} else if (in_learn(c) && c->s[n - 1] == ']') {
		put_learned_field(c, n);
	} else if (c->s[n] == '(') {
		put_call(c, n);
	} else if (c->s[n] == ':' || c->s[n] == '=') {
		put_parameter(c, n);
	} else {
		put(c, color_of(c, n, c->s[n]), n);
	}
}

// In 'learn' the comma before these words has their color.
static bool put_with_comma(struct scan *c)
{
	static const char *const with[] = { ",priority=", ",fin_hard_timeout=" };

	for (size_t i = 0; in_learn(c) && i < ARRAY_SIZE(with); i++)
		if (str_starts(c->s, with[i])) {
			put(c, i ? PARAM : SPECIAL, strlen(with[i]));
			put_value(c);
			return true;
		}
	return false;
}

void ofctl_color_flow(const char *line, bool frame, struct strbuf *out)
{
	struct scan c = { .s = line, .out = out };

	while (*c.s) {
		if (put_with_comma(&c))
			continue;
		if (isalpha((unsigned char)*c.s))
			put_word(&c, frame);
		else if (*c.s == '"')
			put_quoted(&c);
		else if (*c.s == ')')
			close_paren(&c);
		else if (isdigit((unsigned char)*c.s))
			put_value(&c);
		else
			put(&c, PLAIN, 1);
	}
}

void ofctl_print_flow_line(const char *line)
{
	AUTO(strbuf) s = STRBUF_INIT;

	if (on && strstr(line, "actions="))
		ofctl_color_flow(line, true, &s);
	else
		strbuf_puts(&s, line);
	puts(strbuf_cstr(&s));
}
