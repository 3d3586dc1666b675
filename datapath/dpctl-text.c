// SPDX-License-Identifier: Apache-2.0
#include "datapath/dpctl-text.h"

#include "core/base/clock.h"
#include "core/base/vec.h"
#include "core/flow/match.h"

// ---- Datapaths and ports ----

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / b : 0;
}

void dpctl_put_stats(const struct dpctl_stats *s, struct strbuf *out)
{
	uint64_t packets = s->hit + s->missed;

	strbuf_printf(out, "  lookups: hit:%llu missed:%llu lost:%llu\n  flows: %llu\n",
		      (unsigned long long)s->hit, (unsigned long long)s->missed,
		      (unsigned long long)s->lost, (unsigned long long)s->flows);
	if (!s->has_masks)
		return;
	strbuf_printf(out, "  masks: hit:%llu total:%llu hit/pkt:%.2f\n",
		      (unsigned long long)s->mask_hit, (unsigned long long)s->masks,
		      ratio(s->mask_hit, packets));
	if (s->cache_hit)
		strbuf_printf(out, "  cache: hit:%llu hit-rate:%.2f%%\n",
			      (unsigned long long)s->cache_hit, 100 * ratio(s->cache_hit, packets));
}

void dpctl_put_masks_cache(bool has, uint32_t size, struct strbuf *out)
{
	if (has)
		strbuf_printf(out, "  caches:\n    masks-cache: size:%u\n", size);
}

void dpctl_put_port_type(const char *type, const struct smap *config, struct strbuf *out)
{
	struct smap_node **sorted = config ? smap_sorted(config) : NULL;

	strbuf_printf(out, " (%s", type);
	for (size_t i = 0; config && i < smap_count(config); i++)
		strbuf_printf(out, "%s%s=%s", i ? ", " : ": ", sorted[i]->key, sorted[i]->value);
	strbuf_putc(out, ')');
	free(sorted);
}

void dpctl_put_port(dp_port_t port, const char *name, const char *type, const struct smap *config,
		    struct strbuf *out)
{
	strbuf_printf(out, "  port %u: %s", port.n, name);
	if (strcmp(type, "system"))
		dpctl_put_port_type(type, config, out);
	strbuf_putc(out, '\n');
}

static void put_number(const char *before, uint64_t n, struct strbuf *out)
{
	strbuf_puts(out, before);
	if (n == UINT64_MAX)
		strbuf_putc(out, '?');
	else
		strbuf_printf(out, "%llu", (unsigned long long)n);
}

void dpctl_put_port_stats(const struct dpctl_port_stats *s, struct strbuf *out)
{
	// In the order of printing.
	const struct {
		const char *before;
		uint64_t n;
	} rows[] = {
		{ "    RX packets:", s->rx_packets },
		{ " errors:", s->rx_errors },
		{ " dropped:", s->rx_dropped },
		{ " overruns:", s->rx_overruns },
		{ " frame:", s->rx_frame },
		{ "\n    TX packets:", s->tx_packets },
		{ " errors:", s->tx_errors },
		{ " dropped:", s->tx_dropped },
		{ " aborted:", s->tx_aborted },
		{ " carrier:", s->tx_carrier },
		{ "\n    collisions:", s->collisions },
		{ "\n    RX bytes:", s->rx_bytes },
		{ "  TX bytes:", s->tx_bytes },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		put_number(rows[i].before, rows[i].n, out);
	strbuf_putc(out, '\n');
}

static int port_option(struct dpctl_port *p, const char *key, const char *value, struct error *err)
{
	uint32_t n;

	if (!strcmp(key, "type")) {
		free(p->type);
		p->type = xstrdup(value);
	} else if (!strcmp(key, "port_no")) {
		if (!parse_u32(value, 10, &n) || n > UINT16_MAX)
			return error_set(err, -EINVAL, "%s: bad port number \"%s\"", p->name,
					 value);
		p->has_number = true;
		p->number = DP_PORT(n);
	} else {
		smap_set(&p->options, key, value);
	}
	return 0;
}

int dpctl_port_parse(const char *text, struct dpctl_port *ret, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *rest = copy, *name = strsep(&rest, ","), *word;
	int error = *name ? 0 : error_set(err, -EINVAL, "%s: missing network device name", text);

	*ret = (struct dpctl_port){ .name = xstrdup(name), .type = xstrdup("") };
	smap_init(&ret->options);
	while (!error && (word = strsep(&rest, ","))) {
		char *value = word;
		const char *key = strsep(&value, "=");

		if (*key)
			error = port_option(ret, key, value ? value : "", err);
	}
	if (error)
		dpctl_port_uninit(ret);
	return error;
}

void dpctl_port_uninit(struct dpctl_port *p)
{
	free(p->name);
	free(p->type);
	smap_uninit(&p->options);
}

// ---- Flows ----

static void put_tcp_flags(uint16_t flags, struct strbuf *out)
{
	// In the order of printing.
	static const struct {
		uint16_t bit;
		char letter;
	} rows[] = { { 0x002, 'S' }, { 0x001, 'F' }, { 0x008, 'P' }, { 0x004, 'R' }, { 0x020, 'U' },
		     { 0x010, '.' }, { 0x040, 'E' }, { 0x080, 'C' }, { 0x100, 'N' } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (flags & rows[i].bit)
			strbuf_putc(out, rows[i].letter);
	for (uint16_t bit = 0x200; bit && bit <= 0x800; bit <<= 1)
		if (flags & bit)
			strbuf_printf(out, "[%x]", bit);
}

void dpctl_put_counts(const struct flow_counts *c, struct strbuf *out)
{
	strbuf_printf(out, "packets:%llu, bytes:%llu, used:", (unsigned long long)c->packets,
		      (unsigned long long)c->bytes);
	if (c->used)
		strbuf_printf(out, "%.3fs", (clock_msec() - c->used) / 1000.0);
	else
		strbuf_puts(out, "never");
	if (c->tcp_flags) {
		strbuf_puts(out, ", flags:");
		put_tcp_flags(c->tcp_flags, out);
	}
}

static void put_key_and_counts(const struct dpctl_flow *f, bool verbose, const char *behind_ufid,
			       dpctl_port_name_fn *port_name, void *aux, struct strbuf *out)
{
	if (verbose && f->ufid)
		strbuf_printf(out, "ufid:" UUID_FMT "%s", UUID_ARGS(f->ufid), behind_ufid);
	(f->is_kernels ? dp_key_format_kernel : dp_key_format)(&f->key, &f->mask, port_name, aux,
							       verbose, out);
	strbuf_puts(out, ", ");
	dpctl_put_counts(&f->counts, out);
}

void dpctl_put_bridge_flow(const struct dpctl_flow *f, bool verbose, dpctl_port_name_fn *port_name,
			   void *aux, struct strbuf *out)
{
	put_key_and_counts(f, verbose, " ", port_name, aux, out);
	strbuf_puts(out, ", actions:");
	dp_actions_format(f->actions, port_name, aux, out);
}

void dpctl_put_flow(const struct dpctl_flow *f, bool verbose, dpctl_port_name_fn *port_name,
		    void *aux, struct strbuf *out)
{
	put_key_and_counts(f, verbose, ", ", port_name, aux, out);
	if (verbose)
		strbuf_printf(out, "%s, dp:%s", f->is_offloaded ? ", offloaded:yes" : "", f->layer);
	strbuf_puts(out, ", actions:");
	dp_actions_format(f->actions, port_name, aux, out);
}

int dpctl_parse_types(const char *text, struct error *err)
{
	static const struct {
		const char *name;
		int bit;
	} names[] = { { "ovs", DPCTL_OVS },
		      { "tc", DPCTL_TC },
		      { "dpdk", DPCTL_DPDK },
		      { "offloaded", DPCTL_OFFLOADED },
		      { "non-offloaded", DPCTL_NON_OFFLOADED },
		      { "partially-offloaded", DPCTL_PARTIAL },
		      { "all", 63 } };
	AUTO_FREE char *copy = xstrdup(text);
	char *save;
	int types = 0;

	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(names) && strcmp(names[i].name, w))
			i++;
		if (i == ARRAY_SIZE(names))
			return error_set(err, -EINVAL, "Failed to parse type (%s)", text);
		types |= names[i].bit;
	}
	return types;
}

struct filter_names {
	dpctl_port_by_name_fn *by_name;
	void *aux;
};

static bool filter_port(const char *name, of_port_t *ret, void *aux)
{
	const struct filter_names *n = aux;
	dp_port_t port;

	if (!n->by_name || !n->by_name(name, &port, n->aux))
		return false;
	*ret = OF_PORT(port.n);
	return true;
}

// One value of each field: what is compared is a packet's.
static int check_exact(const char *key, const char *value, const struct match *word,
		       struct error *err)
{
	const struct field *f = value ? field_by_name(key) : NULL;
	union field_value seen, exact;
	struct match all;

	if (!f)
		return 0;
	memset(&all, 0xff, sizeof(all));
	field_read(f, &word->mask.m, &seen);
	field_read(f, &all.mask.m, &exact);
	return !memcmp(seen.b, exact.b, f->n_bytes)
		       ? 0
		       : error_set(err, -EINVAL,
				   "bad value for %s (%s: wildcards not allowed here)", key, value);
}

static int filter_word(char *text, const struct port_names *ports, struct match *m,
		       struct error *err)
{
	char *value = text;
	const char *key = strsep(&value, "=");
	struct match word;
	int error;

	match_init_any(&word);
	error = match_parse_word(&word, key, value, ports, err);
	if (error == -ENOENT)
		return error_set(err, -EINVAL, "unknown field %s", key);
	if (!error)
		error = check_exact(key, value, &word, err);
	return error ? error : match_parse_word(m, key, value, ports, err);
}

int dpctl_parse_filter(const char *text, dpctl_port_by_name_fn *port_by_name, void *aux,
		       struct match *ret, struct error *err)
{
	struct filter_names names = { port_by_name, aux };
	struct port_names ports = { .by_name = filter_port, .aux = &names };
	AUTO_FREE char *copy = xstrdup(text);
	char *save;

	match_init_any(ret);
	for (char *w = strtok_r(copy, ", \t", &save); w; w = strtok_r(NULL, ", \t", &save)) {
		struct error why = ERROR_INIT;

		if (filter_word(w, &ports, ret, &why))
			return error_set(err, -EINVAL, "Failed to parse filter (%s: %s)", text,
					 why.text);
	}
	return 0;
}

bool dpctl_filter_matches(const struct match *filter, const struct flow_key *key,
			  const struct flow_mask *mask)
{
	struct flow_mask both;

	for (size_t i = 0; i < FLOW_WORDS; i++)
		flow_words(&both.m)[i] =
			flow_words_const(&filter->mask.m)[i] & flow_words_const(&mask->m)[i];
	return flow_key_equal_masked(&filter->key, key, &both);
}

bool dpctl_parse_ufid(const char *text, struct uuid *ret)
{
	const char *p = str_starts(text, "ufid:") ? text + 5 : text;
	AUTO_FREE char *word = xstrndup(p, strcspn(p, ", "));

	return uuid_parse(ret, word);
}

bool dpctl_line_split(char *line, struct dpctl_line *l)
{
	static const char *const verbs[] = {
		[DPCTL_ADD] = "add", [DPCTL_MODIFY] = "modify", [DPCTL_DELETE] = "delete"
	};
	char *comment = strchr(line, '#'), *word, *save;

	if (comment)
		*comment = '\0';
	word = strtok_r(line, " \t\r\n", &save);
	if (!word)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(word, verbs[i])) {
			l->verb = i;
			word = strtok_r(NULL, " \t\r\n", &save);
			break;
		}
	l->flow = word;
	l->actions = word ? strtok_r(NULL, " \t\r\n", &save) : NULL;
	return true;
}

bool dpctl_line_is_whole(const struct dpctl_line *l)
{
	return l->flow && (l->verb == DPCTL_DELETE) == !l->actions;
}

// ---- Normalized actions ----

void dpctl_put_exact(const struct match *flow, struct strbuf *out)
{
	struct flow_mask exact;

	flow_mask_exact_for(&exact, &flow->key);
	// Of metadata only what is there.
	memcpy(&exact, &flow->mask, offsetof(struct flow_key, eth_dst));
	dp_key_format_kernel(&flow->key, &exact, NULL, NULL, false, out);
}

// What a packet has when an action comes to it: tags and labels, as keys.
struct headers {
	struct flow_key key;
	struct strbuf actions; // that come then
};

static void push_vlan(struct flow_key *k, const struct dp_action *a)
{
	memmove(k->vlans + 1, k->vlans, sizeof(k->vlans) - sizeof(k->vlans[0]));
	k->vlans[0] = (struct flow_vlan){ a->push_vlan.tpid, a->push_vlan.tci };
}

static void pop_vlan(struct flow_key *k)
{
	memmove(k->vlans, k->vlans + 1, sizeof(k->vlans) - sizeof(k->vlans[0]));
	k->vlans[FLOW_MAX_VLANS - 1] = (struct flow_vlan){ 0, 0 };
}

static void push_mpls(struct flow_key *k, const struct dp_action *a)
{
	memmove(k->mpls_lse + 1, k->mpls_lse, sizeof(k->mpls_lse) - sizeof(k->mpls_lse[0]));
	k->mpls_lse[0] = a->push_mpls.lse;
}

static void pop_mpls(struct flow_key *k)
{
	memmove(k->mpls_lse, k->mpls_lse + 1, sizeof(k->mpls_lse) - sizeof(k->mpls_lse[0]));
	k->mpls_lse[FLOW_MAX_MPLS - 1] = 0;
}

// False: the action is none that changes tags or labels.
static bool change_headers(struct flow_key *k, const struct dp_action *a)
{
	switch (a->type) {
	case DP_ACTION_PUSH_VLAN:
		push_vlan(k, a);
		return true;
	case DP_ACTION_POP_VLAN:
		pop_vlan(k);
		return true;
	case DP_ACTION_PUSH_MPLS:
		push_mpls(k, a);
		return true;
	case DP_ACTION_POP_MPLS:
		pop_mpls(k);
		return true;
	default:
		return false;
	}
}

static void put_headers(const struct flow_key *k, struct strbuf *out)
{
	if (!(k->vlans[0].tci & htobe16(VLAN_PRESENT)))
		strbuf_puts(out, "no vlan: ");
	for (int i = 0; i < FLOW_MAX_VLANS && k->vlans[i].tci & htobe16(VLAN_PRESENT); i++)
		strbuf_printf(out,
			      "vlan(vid=%u,pcp=%u): ", be16toh(k->vlans[i].tci) & VLAN_VID_MASK,
			      be16toh(k->vlans[i].tci) >> VLAN_PCP_SHIFT);
	if (!k->mpls_lse[0])
		strbuf_puts(out, "no mpls: ");
	for (int i = 0; i < FLOW_MAX_MPLS && k->mpls_lse[i]; i++) {
		uint32_t lse = be32toh(k->mpls_lse[i]);

		strbuf_printf(out, "mpls(label=%u,tc=%u,ttl=%u,bos=%u): ", lse >> 12, lse >> 9 & 7,
			      lse & 0xff, lse >> 8 & 1);
	}
}

void dpctl_put_normalized(const struct match *flow, struct dp_actions actions, struct strbuf *out)
{
	VEC(struct headers) groups = VEC_INIT;
	struct flow_key now = { 0 };
	const struct dp_action *a;
	struct headers *g;

	memcpy(now.vlans, flow->key.vlans, sizeof(now.vlans));
	memcpy(now.mpls_lse, flow->key.mpls_lse, sizeof(now.mpls_lse));
	DP_ACTION_FOR_EACH (a, actions) {
		if (change_headers(&now, a))
			continue;
		VEC_FOR_EACH (g, &groups)
			if (flow_key_equal(&g->key, &now))
				break;
		if (g == groups.v + groups.n) {
			g = VEC_PUSH_UNINIT(&groups);
			*g = (struct headers){ .key = now };
		}
		strbuf_put(&g->actions, a, a->size);
	}
	VEC_FOR_EACH (g, &groups) {
		put_headers(&g->key, out);
		dp_actions_format(dp_actions_of(&g->actions), NULL, NULL, out);
		strbuf_uninit(&g->actions);
	}
	VEC_FREE(&groups);
}
