// SPDX-License-Identifier: Apache-2.0
// Flow formats: what -O and -F allow, what flows need, what the switch at hand takes.
#include "ofproto/openflow/formats.h"
#include "utilities/ovs-ofctl.h"

#define BUNDLE_VERSIONS (1u << OFP13 | 1u << OFP14 | 1u << OFP15)

static char *names_of(uint32_t formats)
{
	struct strbuf s = STRBUF_INIT;

	flow_formats_format(formats, &s);
	return strbuf_take(&s);
}

static char *version_names(uint32_t versions)
{
	struct strbuf s = STRBUF_INIT;

	for (uint8_t v = OFP10; v <= OFP15; v++)
		if (versions >> v & 1)
			strbuf_printf(&s, "%s%s", s.len ? ", " : "", of_version_name(v));
	return strbuf_take(&s);
}

void ofctl_allow_formats(const char *text)
{
	uint32_t versions = ofctl.versions, of_versions = flow_formats_of_versions(versions);
	struct error err = ERROR_INIT;

	ofctl.formats = FORMATS_ANY;
	if (text && flow_formats_parse(text, &ofctl.formats, &err))
		fatal(0, "%s", err.text);
	if (!(ofctl.formats & of_versions)) {
		AUTO_FREE char *allowed = version_names(versions);
		AUTO_FREE char *formats = names_of(ofctl.formats);

		fatal(0,
		      "None of the enabled OpenFlow versions (%s) supports any of the enabled flow "
		      "formats (%s).  (Use -O to enable additional OpenFlow versions or -F to "
		      "enable additional flow formats.)",
		      allowed, formats);
	}
	ofctl.formats &= of_versions;
	ofctl.versions = flow_formats_versions(ofctl.formats);
}

// There are none before OpenFlow 1.3; who asks for one need not say so.
void ofctl_allow_bundles(void)
{
	ofctl.versions &= BUNDLE_VERSIONS;
	if (!ofctl.versions)
		ofctl.versions = 1u << OFP14;
}

void ofctl_need_formats(uint32_t usable)
{
	AUTO_FREE char *wanted = NULL, *allowed = NULL;

	if (usable & ofctl.formats)
		return;
	wanted = names_of(usable);
	allowed = names_of(ofctl.formats);
	fatal(0, "none of the usable flow formats (%s) is among the allowed flow formats (%s)",
	      wanted, allowed);
}

void ofctl_need_formats_of(uint32_t usable, uint32_t formats_of_switch)
{
	AUTO_FREE char *wanted = NULL;

	ofctl_need_formats(usable);
	if (usable & formats_of_switch)
		return;
	wanted = names_of(usable);
	fatal(0, "switch does not support any of the usable flow formats (%s)", wanted);
}

uint32_t ofctl_formats_of(const struct ofp_client *c)
{
	return ofctl.formats & flow_formats_of_versions(1u << ofp_client_version(c));
}

struct ofp_client *ofctl_open_for_flows(const char *target, uint32_t *ret_formats)
{
	struct ofp_client *c = ofctl_open(target);
	uint32_t formats = ofctl_formats_of(c);
	AUTO(strbuf) b = STRBUF_INIT;

	*ret_formats = formats;
	if (!(formats & FORMATS_TABLES))
		return c;
	nx_number_encode(MSG_FLOW_MOD_TABLE_ID, 1, OFP10, ofp_client_xid(c), &b);
	// A switch that knows no table ids in OpenFlow 1.0 takes flows without.
	*ret_formats &= ofp_client_try(c, &b) ? ~FORMATS_NO_TABLES : ~FORMATS_TABLES;
	return c;
}
