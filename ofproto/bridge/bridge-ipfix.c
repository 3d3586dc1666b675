// SPDX-License-Identifier: Apache-2.0
// Rows of Flow_Sample_Collector_Set and IPFIX, and Bridge.ipfix, into what is counted of a switch's packets.
#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(bridge);

#define DEFAULT_TEMPLATE_INTERVAL 600
#define DEFAULT_SAMPLING 400

// One without targets counts for nobody.
static bool is_counted(const struct ovsrec_flow_sample_collector_set *row, const struct bridge *br)
{
	return row->bridge && uuid_equal(&row->bridge->row.uuid, &br->uuid) && row->ipfix &&
	       row->ipfix->n_targets;
}

static const char *virtual_obs_id(const struct ovsrec_ipfix *row, struct strbuf *warnings)
{
	const char *id = smap_get(&row->other_config, "virtual_obs_id");

	if (!id || strlen(id) <= 254)
		return id;
	strbuf_puts(warnings,
		    "other_config:virtual_obs_id has more than 254 bytes, and is ignored\n");
	return NULL;
}

static struct ipfix_config config_of(const struct ovsrec_ipfix *i, struct strbuf *warnings)
{
	return (struct ipfix_config){
		.targets = i->targets,
		.n_targets = i->n_targets,
		.active_timeout = i->n_cache_active_timeout ? *i->cache_active_timeout : 0,
		.max_flows = i->n_cache_max_flows ? *i->cache_max_flows : 0,
		.template_interval =
			i->n_template_interval ? *i->template_interval : DEFAULT_TEMPLATE_INTERVAL,
		.virtual_obs_id = virtual_obs_id(i, warnings),
		.tunnels = smap_get_bool(&i->other_config, "enable-tunnel-sampling", true),
	};
}

// Each reconfiguration finds the same errors again: they are told when they are others.
static void tell_once(struct bridge *br, const struct strbuf *warnings)
{
	AUTO_FREE char *copy = xstrdup(strbuf_cstr(warnings));
	char *save = NULL;

	if (!str_replace(&br->ipfix_errors, copy))
		return;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		log_warn("bridge %s: IPFIX: %s", br->name, line);
}

static struct ipfix_config config_of_bridge(const struct ovsrec_ipfix *i, struct strbuf *warnings)
{
	struct ipfix_config c = config_of(i, warnings);

	c.bridge = true;
	c.sampling = i->n_sampling ? *i->sampling : DEFAULT_SAMPLING;
	c.domain = i->n_obs_domain_id ? *i->obs_domain_id : 0;
	c.point = i->n_obs_point_id ? *i->obs_point_id : 0;
	c.input = smap_get_bool(&i->other_config, "enable-input-sampling", true);
	c.output = smap_get_bool(&i->other_config, "enable-output-sampling", true);
	return c;
}

void bridge_configure_ipfix(struct bridge *br, const struct ovsrec_bridge *bridge)
{
	const struct ovsrec_flow_sample_collector_set *row;
	VEC(struct ipfix_config) configs = VEC_INIT;
	AUTO(strbuf) warnings = STRBUF_INIT;

	OVSREC_FLOW_SAMPLE_COLLECTOR_SET_FOR_EACH(row, br->vs->idl)
	{
		if (!is_counted(row, br))
			continue;
		VEC_PUSH(&configs, config_of(row->ipfix, &warnings));
		configs.v[configs.n - 1].set = row->id;
	}
	if (bridge->ipfix && bridge->ipfix->n_targets)
		VEC_PUSH(&configs, config_of_bridge(bridge->ipfix, &warnings));
	ipfix_configure(br->ipfix, configs.v, configs.n, &warnings);
	tell_once(br, &warnings);
	VEC_FREE(&configs);
}

bool bridge_ipfix_stats(void *aux, struct ipfix_stats *ret)
{
	const struct bridge *br = aux;

	return ipfix_bridge_stats(br->ipfix, ret);
}

bool bridge_ipfix_for_each(void *aux, void (*cb)(const struct ipfix_stats *s, void *aux),
			   void *cb_aux)
{
	const struct bridge *br = aux;

	return ipfix_for_each(br->ipfix, cb, cb_aux);
}
