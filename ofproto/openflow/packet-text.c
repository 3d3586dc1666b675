// SPDX-License-Identifier: Apache-2.0
// packet_out as text, and the words of lines.
#include <ctype.h>
#include <string.h>

#include "ofproto/openflow/msg.h"
#include "ofproto/openflow/text-private.h"

static bool separates(char c)
{
	return c == ',' || c == ' ' || (c >= '\t' && c <= '\r');
}

// Letters, digits and most that stands among them: it is part of a word, and says nothing of its parts.
static bool is_plain(char c)
{
	return c > '=' || (c >= '-' && c < '=');
}

bool text_next_word(char **s, char **ret_key, char **ret_value)
{
	char *p = *s;
	int depth = 0;

	while (separates(*p))
		p++;
	*ret_key = p;
	*ret_value = NULL;
	if (!*p)
		return false;
	for (; *p && (depth || !separates(*p)); p++) {
		if (is_plain(*p))
			continue;
		if (*p == '=' && !*ret_value) {
			*p = '\0';
			*ret_value = p + 1;
		}
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
	}
	*s = p;
	if (*p) {
		*p = '\0';
		*s = p + 1;
	}
	return true;
}

char *text_find_actions(char *line)
{
	for (char *p = strstr(line, "action"); p; p = strstr(p + 6, "action")) {
		size_t n = strncmp(p, "actions", 7) ? 6 : 7;

		if ((p != line && !separates(p[-1])) || p[n] != '=')
			continue;
		*p = '\0';
		return p + n + 1;
	}
	return NULL;
}

int text_unknown_word(const char *key, const char *value, struct error *err)
{
	return value ? error_set(err, -EINVAL, "unknown keyword %s", key)
		     : error_set(err, -EINVAL, "field %s missing value", key);
}

// An Ethernet header.
#define MIN_PACKET 14

int packet_bytes_parse(const char *hex, struct strbuf *out, struct error *err)
{
	for (;; hex += 2) {
		int byte;

		while (isspace((unsigned char)*hex))
			hex++;
		if (!*hex)
			return 0;
		byte = hex_byte(hex);
		if (byte < 0)
			return error_set(err, -EINVAL, "Trailing garbage in packet data");
		wr_u8(out, byte);
	}
}

int packet_text_parse(const char *hex, struct strbuf *packet, struct error *err)
{
	strbuf_clear(packet);
	if (packet_bytes_parse(hex, packet, err) < 0)
		return -EINVAL;
	if (packet->len < MIN_PACKET)
		return error_set(err, -EINVAL, "Packet data too short for Ethernet");
	return 0;
}

static int parse_word(struct packet_out *po, const char *key, const char *value,
		      const struct port_names *ports, struct strbuf *packet, struct error *err)
{
	of_port_t port;
	int error;

	if (value && !strcmp(key, "in_port")) {
		if (!of_port_parse(value, ports, &port))
			return error_set(err, -EINVAL, "%s is not a valid OpenFlow port", value);
		po->metadata.key.in_port = port.n;
		po->metadata.mask.m.in_port = UINT32_MAX;
		return 0;
	}
	if (value && !strcmp(key, "packet")) {
		error = packet_text_parse(value, packet, err);
		return error ? error_wrap(err, "packet") : 0;
	}
	error = match_parse_word(&po->metadata, key, value, ports, err);
	return error == -ENOENT ? text_unknown_word(key, value, err) : error;
}

int packet_out_parse(const char *text, const struct port_names *ports, struct packet_out *po,
		     struct strbuf *packet, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *actions = text_find_actions(copy), *rest = copy, *key, *value;
	int error = 0;

	memset(po, 0, sizeof(*po));
	strbuf_init(&po->acts);
	strbuf_clear(packet);
	po->buffer_id = UINT32_MAX;
	match_init_any(&po->metadata);
	po->metadata.key.in_port = OFPP_CONTROLLER;
	po->metadata.mask.m.in_port = UINT32_MAX;
	while (!error && text_next_word(&rest, &key, &value))
		error = parse_word(po, key, value, ports, packet, err);
	if (!error && !packet->len)
		error = error_set(err, -EINVAL, "must specify packet");
	if (!error && !actions)
		error = error_set(err, -EINVAL, "must specify actions");
	if (!error)
		error = acts_parse_actions(actions, ports, &po->acts, err);
	if (error)
		packet_out_uninit(po);
	po->packet = (const uint8_t *)packet->s;
	po->len = packet->len;
	return error;
}
