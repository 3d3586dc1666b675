// SPDX-License-Identifier: Apache-2.0
// Table features, and statistics, as text. Most tables are like the one before: that is said in a word, and lists of fields are made short.
#include <ctype.h>
#include <inttypes.h>

#include "ofproto/openflow/print-private.h"
#include "ofproto/openflow/table-features.h"

// ---- Lists of fields: "tun_{id,src} reg0...reg15" ----

static size_t digits_at(const char *name)
{
	size_t n = strlen(name);

	while (n && isdigit((unsigned char)name[n - 1]))
		n--;
	return n;
}

static bool is_next_number(const char *a, const char *b)
{
	size_t n = digits_at(a);

	return n && a[n] && n == digits_at(b) && !strncmp(a, b, n) &&
	       atoi(b + n) == atoi(a + n) + 1;
}

// How many names count on from the first.
static size_t numbered_run(const char *const *names, size_t n)
{
	size_t run = 1;

	while (run < n && is_next_number(names[run - 1], names[run]))
		run++;
	return run;
}

// How many names begin with the same word and a '_'; *ret_length is that part's.
static size_t prefixed_run(const char *const *names, size_t n, size_t *ret_length)
{
	const char *end = strchr(names[0], '_');
	size_t run = 1;

	if (!end)
		return 1;
	*ret_length = end - names[0] + 1;
	while (run < n && !strncmp(names[0], names[run], *ret_length))
		run++;
	return run;
}

// 'names' is changed.
static void put_names(const char **names, size_t n, char separator, struct strbuf *out)
{
	for (size_t i = 0, run, length = 0; i < n; i += run) {
		if (i)
			strbuf_putc(out, separator);
		run = prefixed_run(names + i, n - i, &length);
		if (run > 1) {
			strbuf_printf(out, "%.*s{", (int)length, names[i]);
			for (size_t j = i; j < i + run; j++)
				names[j] += length;
			put_names(names + i, run, ',', out);
			strbuf_putc(out, '}');
			continue;
		}
		run = numbered_run(names + i, n - i);
		strbuf_puts(out, names[i]);
		if (run > 2)
			strbuf_printf(out, "...%s", names[i + run - 1]);
		else
			run = 1;
	}
}

// The line is left out when there is none.
static void put_fields(const char *title, const struct field_set *s, struct strbuf *out)
{
	const char *names[FIELD_MAX];
	size_t n = 0;

	for (int id = 0; id < FIELD_MAX; id++)
		if (field_set_has(s, id))
			names[n++] = field_get(id)->name;
	if (!n)
		return;
	strbuf_printf(out, "%s: ", title);
	put_names(names, n, ' ', out);
	strbuf_putc(out, '\n');
}

// ---- What is as before ----

#define SAME(A, B) (!memcmp((A), (B), sizeof(*(A))))

static bool is_none(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !*b)
		b++, n--;
	return !n;
}

static bool same_actions(const struct table_instruction_features *a,
			 const struct table_instruction_features *b)
{
	return SAME(&a->write, &b->write) && SAME(&a->apply, &b->apply);
}

// Only where fields are set: what else is the same is said again, as Open vSwitch does.
static bool can_say_same_actions(const struct table_instruction_features *i,
				 const struct table_instruction_features *before)
{
	return before && same_actions(i, before) &&
	       !is_none(&i->write.set_fields, sizeof(i->write.set_fields));
}

// Each table can be followed by one less than the table before: that it is not followed by itself makes no difference.
static bool same_instructions(struct table_instruction_features a,
			      struct table_instruction_features b, uint8_t table)
{
	uint64_t other = ~(1ULL << table % 64);

	a.next[table / 64] &= other;
	b.next[table / 64] &= other;
	return a.instructions == b.instructions && same_actions(&a, &b) &&
	       !memcmp(a.next, b.next, sizeof(a.next));
}

static bool same_uses(const struct table_features *a, const struct table_features *b)
{
	return same_instructions(a->others, b->others, a->table) &&
	       same_instructions(a->miss, b->miss, a->table);
}

static bool same_features(const struct table_features *a, const struct table_features *b)
{
	return a->metadata_match == b->metadata_match && a->metadata_write == b->metadata_write &&
	       a->evicts == b->evicts && a->tells_vacancy == b->tells_vacancy &&
	       a->max_entries == b->max_entries && a->on_miss == b->on_miss && same_uses(a, b) &&
	       SAME(&a->match, &b->match);
}

// ---- Instructions ----

static void put_tables(const uint64_t *next, struct strbuf *out)
{
	const char *separator = "      next tables: ";

	for (int first = 0, last; first < 255; first = last + 1) {
		last = first;
		if (!(next[first / 64] >> first % 64 & 1))
			continue;
		while (next[(last + 1) / 64] >> (last + 1) % 64 & 1)
			last++;
		strbuf_printf(out, "%s%d", separator, first);
		if (last > first)
			strbuf_printf(out, "-%d", last);
		separator = ",";
	}
	if (*separator == ',')
		strbuf_putc(out, '\n');
}

// Of one of instruction numbers, those with the highest precedence first.
static void put_instructions(uint32_t bits, struct strbuf *out)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = { { "meter", 6 },	      { "apply_actions", 4 },  { "clear_actions", 5 },
		      { "write_actions", 3 }, { "write_metadata", 2 }, { "goto_table", 1 } };

	strbuf_puts(out, "      instructions:");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bits >> names[i].number & 1)
			strbuf_printf(out, " %s", names[i].name);
	strbuf_putc(out, '\n');
}

static void put_actions(const char *title, const struct table_action_features *a, uint8_t version,
			struct strbuf *out)
{
	strbuf_printf(out, "      %s features:\n", title);
	if (a->actions) {
		strbuf_puts(out, "        actions: ");
		print_action_bits(a->actions, version, out);
		strbuf_putc(out, '\n');
	}
	put_fields("        supported on Set-Field", &a->set_fields, out);
}

// 'before': the same of the previous table, or NULL.
static void put_use(const struct table_instruction_features *i,
		    const struct table_instruction_features *before, uint8_t version,
		    struct strbuf *out)
{
	put_tables(i->next, out);
	if (i->instructions) {
		if (before && i->instructions == before->instructions)
			strbuf_puts(out, "      (same instructions)\n");
		else
			put_instructions(i->instructions, out);
	}
	if (is_none(&i->write, sizeof(i->write)) && is_none(&i->apply, sizeof(i->apply)))
		return;
	if (can_say_same_actions(i, before)) {
		strbuf_puts(out, "      (same actions)\n");
	} else if (SAME(&i->write, &i->apply)) {
		put_actions("Write-Actions and Apply-Actions", &i->write, version, out);
	} else {
		put_actions("Write-Actions", &i->write, version, out);
		put_actions("Apply-Actions", &i->apply, version, out);
	}
}

static void put_uses(const struct table_features *tf, const struct table_features *before,
		     uint8_t version, struct strbuf *out)
{
	if (is_none(&tf->others, sizeof(tf->others)) && is_none(&tf->miss, sizeof(tf->miss)))
		return;
	if (before && same_uses(tf, before)) {
		strbuf_puts(out, "    (same instructions)\n");
	} else if (SAME(&tf->others, &tf->miss)) {
		strbuf_puts(out, "    instructions (table miss and others):\n");
		put_use(&tf->others, before ? &before->others : NULL, version, out);
	} else {
		strbuf_puts(out, "    instructions (other than table miss):\n");
		put_use(&tf->others, before ? &before->others : NULL, version, out);
		strbuf_puts(out, "    instructions (table miss):\n");
		put_use(&tf->miss, before ? &before->miss : NULL, version, out);
	}
}

// ---- Matches ----

static void put_match(const struct table_features *tf, const struct table_features *before,
		      struct strbuf *out)
{
	struct field_set wild = { { 0 } }, must = { { 0 } };

	if (is_none(&tf->match, sizeof(tf->match)))
		return;
	if (before && SAME(&tf->match, &before->match)) {
		strbuf_puts(out, "    (same matching)\n");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wild.words); i++) {
		uint64_t exact = tf->match.words[i] & ~tf->mask.words[i];

		wild.words[i] = exact & tf->wildcard.words[i];
		must.words[i] = exact & ~tf->wildcard.words[i];
	}
	strbuf_puts(out, "    matching:\n");
	put_fields("      arbitrary mask", &tf->mask, out);
	put_fields("      exact match or wildcard", &wild, out);
	put_fields("      must exact match", &must, out);
}

// ---- Tables ----

static void put_metadata(const char *what, uint64_t bits, struct strbuf *out)
{
	strbuf_printf(out, bits ? " %s=0x%" PRIx64 : " %s=%" PRIu64, what, bits);
}

static void put_head(const struct table_features *tf, struct strbuf *out)
{
	static const char *const commands[] = { NULL, "modify", "enable", "disable" };

	if (tf->command)
		strbuf_printf(out, "  command: %s\n", commands[tf->command]);
	strbuf_printf(out, "  table %u", tf->table);
	if (*tf->name)
		strbuf_printf(out, " (\"%s\")", tf->name);
	strbuf_puts(out, ":\n");
}

// What a table holds and does with what it does not match; 'stats' NULL: it is told in features' own messages.
static void put_limits(const struct table_features *tf, const struct table_stats *stats,
		       uint8_t version, struct strbuf *out)
{
	if (tf->metadata_match || tf->metadata_write) {
		strbuf_puts(out, "    metadata:");
		put_metadata("match", tf->metadata_match, out);
		put_metadata("write", tf->metadata_write, out);
		strbuf_putc(out, '\n');
	}
	if (version == OFP11 || version == OFP12)
		strbuf_printf(out, "    config=%s\n", table_miss_names[tf->on_miss]);
	if (version >= OFP14 && !stats)
		strbuf_printf(out, "    eviction: %ssupported\n    vacancy events: %ssupported\n",
			      tf->evicts ? "" : "not ", tf->tells_vacancy ? "" : "not ");
	if (tf->max_entries)
		strbuf_printf(out, "    max_entries=%" PRIu32 "\n", tf->max_entries);
}

void table_features_print_begin(struct table_features_printer *p)
{
	*p = (struct table_features_printer){ .ditto_first = -1 };
}

static void separate(struct table_features_printer *p, struct strbuf *out)
{
	if (p->separate)
		strbuf_putc(out, '\n');
	p->separate = true;
}

void table_features_print_end(struct table_features_printer *p, struct strbuf *out)
{
	if (p->ditto_first < 0)
		return;
	separate(p, out);
	if (p->ditto_first == p->ditto_last)
		strbuf_printf(out, "  table %d: ditto\n", p->ditto_first);
	else
		strbuf_printf(out, "  tables %d...%d: ditto\n", p->ditto_first, p->ditto_last);
	p->ditto_first = -1;
}

static void put_features(const struct table_features *tf, const struct table_stats *stats,
			 const struct table_features *before, uint8_t version, struct strbuf *out)
{
	size_t start = out->len;

	put_limits(tf, stats, version, out);
	put_uses(tf, before, version, out);
	put_match(tf, before, out);
	if (stats && before && same_features(tf, before) && out->len > start) {
		strbuf_truncate(out, start);
		strbuf_puts(out, "    (same features)\n");
	}
}

static bool same_counters(const struct table_stats *a, const struct table_stats *b)
{
	return a->active == b->active && a->lookup == b->lookup && a->matched == b->matched;
}

// 'stats' NULL: it has none.
static void print_table(struct table_features_printer *p, const struct table_features *tf,
			const struct table_stats *stats, uint8_t version, struct strbuf *out)
{
	const struct table_features *before = p->previous;
	bool is_ditto = before && same_features(tf, before) &&
			(!stats || same_counters(stats, p->previous_stats));

	p->previous = tf;
	p->previous_stats = stats;
	if (is_ditto && !*tf->name) {
		if (p->ditto_first < 0)
			p->ditto_first = tf->table;
		p->ditto_last = tf->table;
		return;
	}
	table_features_print_end(p, out);
	separate(p, out);
	if (is_ditto) {
		strbuf_printf(out, "  table %u (\"%s\"): ditto\n", tf->table, tf->name);
		p->separate = false;
		return;
	}
	put_head(tf, out);
	if (stats)
		strbuf_printf(out,
			      "    active=%" PRIu32 ", lookup=%" PRIu64 ", matched=%" PRIu64 "\n",
			      stats->active, stats->lookup, stats->matched);
	put_features(tf, stats, before, version, out);
}

void table_features_print(struct table_features_printer *p, const struct table_features *tf,
			  uint8_t version, struct strbuf *out)
{
	print_table(p, tf, NULL, version, out);
}

void table_stats_print(struct table_features_printer *p, const struct table_stats *ts,
		       uint8_t version, struct strbuf *out)
{
	print_table(p, &ts->can, ts, version, out);
}

enum ofperr print_table_features(struct print *p, struct msg *m)
{
	struct table_features_printer printer;
	struct table_features tf[2];
	enum ofperr e;
	bool more;

	table_features_print_begin(&printer);
	// What has been read of a message that goes wrong later is shown; the previous entry is kept.
	for (int i = 0; !(e = table_features_decode_next(m, &tf[i], &more)) && more; i ^= 1) {
		if (!printer.previous)
			strbuf_putc(p->out, '\n');
		table_features_print(&printer, &tf[i], m->version, p->out);
	}
	table_features_print_end(&printer, p->out);
	return e;
}

enum ofperr print_tables(struct print *p, struct msg *m)
{
	struct table_features_printer printer;
	struct table_stats ts[2];
	int got;

	table_features_print_begin(&printer);
	strbuf_putc(p->out, '\n');
	for (int i = 0; (got = table_stats_decode_next(m, &ts[i])) > 0; i ^= 1)
		table_stats_print(&printer, &ts[i], m->version, p->out);
	table_features_print_end(&printer, p->out);
	return got < 0 ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
