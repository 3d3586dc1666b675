// SPDX-License-Identifier: Apache-2.0
// Groups as ovs-ofctl users write and read them.
#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

#include "ofproto/openflow/act-private.h"
#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/group.h"

static const char *const type_names[] = { "all", "select", "indirect", "ff" };

// ---- Reading ----

struct group_text {
	enum group_command command;
	const struct port_names *ports;
	struct group_mod *gm;
	struct error *err;
	bool have_id, have_type, have_command_bucket, have_param;
};

static int number(const char *s, uint32_t max, uint32_t *ret, struct error *err)
{
	uint64_t n;

	if (!parse_u64(s, 0, &n) || n > UINT32_MAX)
		return error_set(err, -EINVAL, "invalid numeric format %s", s);
	*ret = n;
	return n > max;
}

int group_id_parse(const char *s, uint32_t *ret, struct error *err)
{
	if (!strcmp(s, "all")) {
		*ret = GROUP_ID_ALL;
		return 0;
	}
	switch (number(s, GROUP_ID_MAX, ret, err)) {
	case 0:
		return 0;
	case 1:
		return error_set(err, -EINVAL, "invalid group id %" PRIu32, *ret);
	default:
		return -EINVAL;
	}
}

static int on_id(struct group_text *t, char *value)
{
	t->have_id = true;
	if (!strcmp(value, "all") && t->command != GROUP_DELETE)
		return error_set(t->err, -EINVAL, "only a deletion can name all groups");
	return group_id_parse(value, &t->gm->group.id, t->err);
}

static int on_type(struct group_text *t, char *value)
{
	t->have_type = true;
	if (!strcmp(value, "fast_failover")) {
		t->gm->group.type = GROUP_FAST_FAILOVER;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (!strcmp(value, type_names[i])) {
			t->gm->group.type = i;
			return 0;
		}
	return error_set(t->err, -EINVAL, "invalid group type %s", value);
}

static int on_command_bucket(struct group_text *t, char *value)
{
	static const struct {
		const char *name;
		uint32_t id;
	} names[] = { { "first", BUCKET_ID_FIRST },
		      { "last", BUCKET_ID_LAST },
		      { "all", BUCKET_ID_ALL } };
	uint32_t *id = &t->gm->command_bucket_id;

	t->have_command_bucket = true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(value, names[i].name)) {
			*id = names[i].id;
			if (t->command == GROUP_INSERT_BUCKETS && *id == BUCKET_ID_ALL)
				return error_set(t->err, -EINVAL,
						 "command_bucket_id=all is not permitted");
			return 0;
		}
	switch (number(value, BUCKET_ID_MAX, id, t->err)) {
	case 0:
		return 0;
	case 1:
		return error_set(t->err, -EINVAL, "invalid command bucket id %" PRIu32, *id);
	default:
		return -EINVAL;
	}
}

static int on_method(struct group_text *t, char *value)
{
	struct group_selection *s = &t->gm->group.selection;

	if (strlen(value) >= sizeof(s->method))
		return error_set(t->err, -EINVAL, "selection method is longer than %zu bytes long",
				 sizeof(s->method) - 1);
	// Parentheses may hold anything; printed, it would be other words.
	if (value[strcspn(value, ",()= \t\r\n\v\f")])
		return error_set(t->err, -EINVAL, "%s: invalid selection_method", value);
	memset(s->method, 0, sizeof(s->method));
	memcpy(s->method, value, strlen(value));
	return 0;
}

static int on_param(struct group_text *t, char *value)
{
	t->have_param = true;
	if (parse_u64(value, 0, &t->gm->group.selection.param))
		return 0;
	return error_set(t->err, -EINVAL, "%s: invalid selection_method_param", value);
}

static int add_field(struct group_text *t, const char *name, const char *value)
{
	struct group_selection *s = &t->gm->group.selection;
	struct hash_field f = { field_by_name(name), { { 0 } } };

	if (!f.field)
		return error_set(t->err, -EINVAL, "fields: unknown field %s", name);
	if (!*value)
		field_all_ones(f.field, &f.mask);
	else if (act_parse_whole(f.field, value, &f.mask, t->err))
		return -EINVAL;
	if (!selection_add_field(s, &f))
		return error_set(t->err, -EINVAL, "%s: duplicate field", name);
	return 0;
}

static int on_fields(struct group_text *t, char *value)
{
	char *key, *mask;
	int error = 0;

	while (!error && act_next_word(&value, &key, &mask))
		error = add_field(t, key, mask);
	return error;
}

static const struct {
	const char *name;
	int (*parse)(struct group_text *t, char *value);
} words[] = {
	{ "group_id", on_id },
	{ "type", on_type },
	{ "selection_method", on_method },
	{ "selection_method_param", on_param },
	{ "fields", on_fields },
	{ "command_bucket_id", on_command_bucket },
};

static int parse_words(struct group_text *t, char *text)
{
	char *key, *value;

	while (act_next_word(&text, &key, &value)) {
		size_t i = 0;
		int error;

		while (i < ARRAY_SIZE(words) && strcmp(words[i].name, key) != 0)
			i++;
		if (i == ARRAY_SIZE(words))
			return error_set(t->err, -EINVAL, "unknown keyword %s", key);
		error = words[i].parse(t, value);
		if (error)
			return error;
	}
	return 0;
}

// ---- Buckets ----

static int on_weight(struct group_text *t, struct bucket *b, const char *value)
{
	uint64_t n;

	if (act_parse_number(value, UINT16_MAX, "weight", &n, t->err))
		return -EINVAL;
	b->weight = n;
	return 0;
}

static int on_watch_port(struct group_text *t, struct bucket *b, const char *value)
{
	if (of_port_parse(value, t->ports, &b->watch_port) &&
	    (b->watch_port.n < OFPP_MAX || b->watch_port.n == OFPP_ANY))
		return 0;
	return error_set(t->err, -EINVAL, "%s: invalid watch_port", value);
}

static int on_watch_group(struct group_text *t, struct bucket *b, const char *value)
{
	switch (number(value, GROUP_ID_MAX, &b->watch_group, t->err)) {
	case 0:
		return 0;
	case 1:
		if (b->watch_group == GROUP_ID_ANY)
			return 0;
		return error_set(t->err, -EINVAL, "invalid watch_group id %" PRIu32,
				 b->watch_group);
	default:
		return -EINVAL;
	}
}

static int on_bucket_id(struct group_text *t, struct bucket *b, const char *value)
{
	switch (number(value, BUCKET_ID_MAX, &b->id, t->err)) {
	case 0:
		return 0;
	case 1:
		return error_set(t->err, -EINVAL, "invalid bucket_id id %" PRIu32, b->id);
	default:
		return -EINVAL;
	}
}

static const struct bucket_word {
	const char *name;
	int (*parse)(struct group_text *t, struct bucket *b, const char *value);
} bucket_words[] = {
	{ "weight", on_weight },
	{ "watch_port", on_watch_port },
	{ "watch_group", on_watch_group },
	{ "bucket_id", on_bucket_id },
};

static const struct bucket_word *find_bucket_word(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(bucket_words); i++)
		if (!strcasecmp(bucket_words[i].name, name))
			return &bucket_words[i];
	return NULL;
}

// The bucket's own words, and everything else, which are its actions, put into 'acts'; *ret_any: there are some.
// 'text' is cut into pieces, and moved together where it has a field behind parentheses; its end stays its end.
static int parse_bucket_words(struct group_text *t, char *text, struct bucket *b,
			      struct strbuf *acts, bool *ret_any)
{
	AUTO_FREE char *whole = xstrdup(text);
	const char *end = whole + strlen(whole), *before = text;
	char *rest = text, *key, *value;

	for (size_t left = strlen(rest); act_next_word(&rest, &key, &value);
	     before = rest, left = strlen(rest)) {
		const struct bucket_word *w = find_bucket_word(key);
		const char *from = end - left + (key - before);

		if (w) {
			if (w->parse(t, b, value))
				return -EINVAL;
			continue;
		}
		*ret_any = true;
		if (acts->len)
			strbuf_putc(acts, ',');
		if (!strcasecmp(key, "action") || !strcasecmp(key, "actions"))
			strbuf_puts(acts, value);
		else
			strbuf_put(acts, from, (size_t)(end - strlen(rest) - from));
		strbuf_chomp(acts, ',');
	}
	return 0;
}

static int parse_bucket(struct group_text *t, char *text)
{
	struct group_desc *g = &t->gm->group;
	struct bucket *b = VEC_PUSH_UNINIT(&g->buckets);
	AUTO(strbuf) acts = STRBUF_INIT;
	bool any = false;

	bucket_init(b);
	b->weight = g->type == GROUP_SELECT;
	if (parse_bucket_words(t, text, b, &acts, &any))
		return -EINVAL;
	if (!any)
		return error_set(t->err, -EINVAL, "bucket must specify actions");
	if (acts_parse_actions(strbuf_cstr(&acts), t->ports, &b->acts, t->err))
		return -EINVAL;
	if (g->type != GROUP_SELECT && t->have_type && b->weight)
		return error_set(t->err, -EINVAL, "Only select groups can have bucket weights.");
	return 0;
}

// Where the next "bucket=" begins a word; its text is behind the separator.
static char *find_bucket(char *s, char **ret_text)
{
	static const char word[] = "bucket=";

	for (char *p = strstr(s, word); p; p = strstr(p + 1, word)) {
		if (p != s && p[-1] != ',' && !isspace((unsigned char)p[-1]))
			continue;
		*ret_text = p + strlen(word);
		return p;
	}
	return NULL;
}

static void trim(char *s)
{
	for (size_t n = strlen(s); n && (s[n - 1] == ',' || isspace((unsigned char)s[n - 1])); n--)
		s[n - 1] = '\0';
}

static int parse_buckets(struct group_text *t, char *text)
{
	while (text) {
		char *next_text = NULL, *next = find_bucket(text, &next_text);

		if (next)
			*next = '\0';
		trim(text);
		if (parse_bucket(t, text))
			return -EINVAL;
		text = next_text;
	}
	return 0;
}

// ---- The whole ----

static int check_selection(const struct group_text *t)
{
	const struct group_selection *s = &t->gm->group.selection;

	if (!*s->method && t->have_param)
		return error_set(
			t->err, -EINVAL,
			"selection_method_param is only allowed with \"selection_method\"");
	if (s->fields.n && strcmp(s->method, "hash") != 0)
		return error_set(t->err, -EINVAL,
				 "fields may only be specified with \"selection_method=hash\"");
	return 0;
}

static int check_words(const struct group_text *t)
{
	bool sets = t->command == GROUP_ADD || t->command == GROUP_MODIFY ||
		    t->command == GROUP_ADD_OR_MODIFY;
	bool buckets = t->command == GROUP_INSERT_BUCKETS || t->command == GROUP_REMOVE_BUCKETS;

	if (!t->have_id)
		return error_set(t->err, -EINVAL, "must specify a group_id");
	if (sets && !t->have_type)
		return error_set(t->err, -EINVAL, "must specify a type");
	if (!sets && t->have_type)
		return error_set(t->err, -EINVAL, "type is not needed");
	if (t->command == GROUP_INSERT_BUCKETS && !t->have_command_bucket)
		return error_set(t->err, -EINVAL, "must specify a command bucket id");
	if (!buckets && t->have_command_bucket)
		return error_set(t->err, -EINVAL, "command bucket id is not needed");
	return check_selection(t);
}

static int check_group(const struct group_text *t)
{
	const struct group_desc *g = &t->gm->group;
	const struct bucket *b;

	if (t->command == GROUP_INSERT_BUCKETS)
		return 0;
	if (t->command == GROUP_DELETE || t->command == GROUP_REMOVE_BUCKETS)
		return g->buckets.n ? error_set(t->err, -EINVAL, "bucket is not needed") : 0;
	if (g->type == GROUP_INDIRECT && g->buckets.n > 1)
		return error_set(t->err, -EINVAL, "Indirect groups can have at most one bucket.");
	VEC_FOR_EACH (b, &g->buckets)
		if (g->type == GROUP_FAST_FAILOVER && b->watch_port.n == OFPP_ANY &&
		    b->watch_group == GROUP_ID_ANY)
			return error_set(t->err, -EINVAL,
					 "fast failover bucket requires watch_port or watch_group");
	return 0;
}

static uint32_t usable_formats(const struct group_mod *gm)
{
	uint32_t formats = FORMATS_ANY;
	const struct bucket *b;

	if (gm->command == GROUP_INSERT_BUCKETS || gm->command == GROUP_REMOVE_BUCKETS)
		formats &= FORMATS_OF10 | FORMATS_NXM | 1u << FORMAT_OXM15;
	VEC_FOR_EACH (b, &gm->group.buckets) {
		struct acts list = acts_of(&b->acts);

		formats &= acts_formats(list);
		// A meter, which comes first, is an instruction of rules before 1.5.
		if (list.size && list.first->type == ACT_METER)
			formats &= 1u << FORMAT_OXM15;
	}
	return formats;
}

int group_mod_parse(const char *text, enum group_command command, const struct port_names *ports,
		    struct group_mod *gm, uint32_t *ret_formats, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct group_text t = { .command = command, .ports = ports, .gm = gm, .err = err };
	char *bucket_text = NULL, *buckets = find_bucket(copy, &bucket_text);

	group_mod_init(gm);
	gm->command = command;
	if (buckets)
		*buckets = '\0';
	// A deletion without a word is of all.
	if (command == GROUP_DELETE && !*copy) {
		gm->group.id = GROUP_ID_ALL;
		t.have_id = true;
	}
	if (parse_words(&t, copy) || check_words(&t) || parse_buckets(&t, bucket_text) ||
	    check_group(&t)) {
		group_mod_uninit(gm);
		return -EINVAL;
	}
	group_number_buckets(&gm->group);
	if (ret_formats)
		*ret_formats = usable_formats(gm);
	return 0;
}

int group_command_parse(const char **line, enum group_command otherwise, enum group_command *ret,
			struct error *err)
{
	static const struct {
		const char *name;
		enum group_command command;
	} names[] = {
		{ "add_or_mod", GROUP_ADD_OR_MODIFY },
		{ "add", GROUP_ADD },
		{ "modify", GROUP_MODIFY },
		{ "delete", GROUP_DELETE },
		{ "insert_bucket", GROUP_INSERT_BUCKETS },
		{ "insert_buckets", GROUP_INSERT_BUCKETS },
		{ "remove_bucket", GROUP_REMOVE_BUCKETS },
		{ "remove_buckets", GROUP_REMOVE_BUCKETS },
	};
	const char *s = *line + strspn(*line, " \t\r\n");
	size_t n = strcspn(s, " \t\r\n=,");

	*ret = otherwise;
	// "group_id=1" is no command.
	if (s[n] == '=' || s[n] == ',')
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == n && !strncmp(s, names[i].name, n)) {
			*ret = names[i].command;
			*line = s + n;
			return 0;
		}
	return error_set(err, -EINVAL, "unknown keyword %.*s", (int)n, s);
}

// ---- Printing ----

static void format_selection(const struct group_selection *s, struct strbuf *out)
{
	const struct hash_field *f;
	union field_value all;

	if (!*s->method)
		return;
	strbuf_printf(out, ",selection_method=%.*s", (int)sizeof(s->method), s->method);
	if (s->param)
		strbuf_printf(out, ",selection_method_param=%" PRIu64, s->param);
	if (!s->fields.n)
		return;
	strbuf_puts(out, s->fields.n > 1 ? ",fields(" : ",fields=");
	VEC_FOR_EACH (f, &s->fields) {
		if (f != s->fields.v)
			strbuf_putc(out, ',');
		strbuf_puts(out, f->field->name);
		field_all_ones(f->field, &all);
		if (memcmp(&all, &f->mask, f->field->n_bytes) != 0) {
			strbuf_putc(out, '=');
			field_format(f->field, &f->mask, NULL, out);
		}
	}
	if (s->fields.n > 1)
		strbuf_putc(out, ')');
}

static void format_bucket(const struct group_desc *g, const struct bucket *b, bool with_ids,
			  const struct port_names *ports, struct strbuf *out)
{
	strbuf_puts(out, ",bucket=");
	if (with_ids)
		strbuf_printf(out, "bucket_id:%" PRIu32 ",", b->id);
	if (b->weight != (g->type == GROUP_SELECT))
		strbuf_printf(out, "weight:%u,", b->weight);
	if (b->watch_port.n != OFPP_ANY) {
		strbuf_puts(out, "watch_port:");
		of_port_format(b->watch_port, ports, out);
		strbuf_putc(out, ',');
	}
	if (b->watch_group != GROUP_ID_ANY)
		strbuf_printf(out, "watch_group:%" PRIu32 ",", b->watch_group);
	strbuf_puts(out, "actions=");
	acts_format(acts_of(&b->acts), ports, out);
}

const char *group_type_name(uint8_t type)
{
	return type < ARRAY_SIZE(type_names) ? type_names[type] : "unknown";
}

void group_desc_format(const struct group_desc *g, bool with_type, uint8_t version,
		       const struct port_names *ports, struct strbuf *out)
{
	bool with_ids = group_version_is_new(version);
	const struct bucket *b;

	strbuf_printf(out, "group_id=%" PRIu32, g->id);
	if (with_type)
		strbuf_printf(out, ",type=%s", group_type_name(g->type));
	format_selection(&g->selection, out);
	VEC_FOR_EACH (b, &g->buckets)
		format_bucket(g, b, with_ids, ports, out);
}
