// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/eal-args.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/strbuf.h"

#define DEFAULT_MEMORY_MB 256

static void args_add(struct eal_args *a, const char *s)
{
	a->v = xgrow(a->v, &a->cap, a->n + 1, sizeof(*a->v));
	a->v[a->n++] = xstrdup(s);
}

static bool args_have(const struct eal_args *a, const char *const *names)
{
	for (; *names; names++)
		for (size_t i = 0; i < a->n; i++)
			if (str_starts(a->v[i], *names))
				return true;
	return false;
}

// One word into 'word'; returns what is left, NULL for an open quote.
static const char *split_word(const char *s, struct strbuf *word)
{
	char quote = 0;

	for (; *s; s++) {
		if (quote && *s == quote) {
			quote = 0;
		} else if (!quote && (*s == '\'' || *s == '"')) {
			quote = *s;
		} else if (!quote && isspace((unsigned char)*s)) {
			break;
		} else {
			if (*s == '\\' && quote != '\'' && s[1])
				s++;
			strbuf_putc(word, *s);
		}
	}
	return quote ? NULL : s;
}

int eal_split_args(const char *text, char ***argv, size_t *n, size_t *cap, struct error *err)
{
	AUTO(strbuf) word = STRBUF_INIT;
	const char *s = text;
	int count = 0;

	for (;;) {
		while (isspace((unsigned char)*s))
			s++;
		if (!*s)
			return count;
		strbuf_clear(&word);
		s = split_word(s, &word);
		if (!s)
			return error_set(err, -EINVAL, "'%s': a quote is not closed", text);
		*argv = xgrow(*argv, cap, *n + 1, sizeof(**argv));
		(*argv)[(*n)++] = xstrdup(strbuf_cstr(&word));
		count++;
	}
}

static uint32_t memory_of(const char *socket_mem)
{
	uint32_t sum = 0;

	for (const char *s = socket_mem; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
		sum += strtoul(s, NULL, 10);
	return sum;
}

// What dpdk-extra says of memory: -m 512, -m512, --socket-mem 512,512 or --socket-mem=512; 0 when it does not.
static uint32_t memory_in_args(const struct eal_args *a)
{
	static const char *const options[] = { "--socket-mem", "-m" };
	uint32_t mb = 0;

	for (size_t i = 0; i < a->n; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(options); j++) {
			const char *s = a->v[i];

			if (!str_starts(s, options[j]))
				continue;
			s += strlen(options[j]);
			if (!*s)
				s = i + 1 < a->n ? a->v[i + 1] : "";
			mb = memory_of(*s == '=' ? s + 1 : s);
			break;
		}
	}
	return mb;
}

// ---- Values ----

// "512" or "512,0,512".
static bool is_megabytes(const char *text)
{
	for (const char *s = text; isdigit((unsigned char)*s); s++) {
		while (isdigit((unsigned char)*s))
			s++;
		if (!*s)
			return true;
		if (*s != ',')
			return false;
	}
	return false;
}

static bool is_hex(const char *text)
{
	uint64_t v;

	return parse_u64(text, 16, &v) && v;
}

static bool is_path(const char *text)
{
	return text[0] == '/';
}

// What is handed on as "OPTION VALUE".
static const struct {
	const char *key, *option;
	size_t offset; // in struct datapath_config
	bool (*check)(const char *text);
	const char *what; // it should be
	bool hugepages; // makes no sense without them
} values[] = {
	{ "dpdk-lcore-mask", "-c", offsetof(struct datapath_config, lcore_mask), is_hex,
	  "a hex mask of CPUs", false },
	{ "dpdk-socket-mem", "--socket-mem", offsetof(struct datapath_config, socket_mem),
	  is_megabytes, "megabytes for each NUMA node, separated by commas", true },
	{ "dpdk-socket-limit", "--socket-limit", offsetof(struct datapath_config, socket_limit),
	  is_megabytes, "megabytes for each NUMA node, separated by commas", true },
	{ "dpdk-hugepage-dir", "--huge-dir", offsetof(struct datapath_config, hugepage_dir),
	  is_path, "an absolute path", true },
	// Only when dpdk-socket-mem does not say where: see below.
	{ "dpdk-alloc-mem", "-m", offsetof(struct datapath_config, alloc_mem), is_megabytes,
	  "a number of megabytes", true },
};

static const char *value_of(const struct datapath_config *c, size_t i)
{
	return *(const char *const *)((const char *)c + values[i].offset);
}

// Returns whether one of them asks for hugepages, or a negative errno.
static int add_values(struct eal_args *a, const struct datapath_config *c, struct error *err)
{
	bool hugepages = false;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *text = value_of(c, i);

		if (!text)
			continue;
		if (!values[i].check(text))
			return error_set(err, -EINVAL, "%s \"%s\" is not %s", values[i].key, text,
					 values[i].what);
		hugepages |= values[i].hugepages;
		if (text == c->alloc_mem && c->socket_mem)
			continue;
		args_add(a, values[i].option);
		args_add(a, text);
	}
	return hugepages;
}

// ---- The whole ----

static void add_memory_args(struct eal_args *a, bool hugepages)
{
	static const char *const memory[] = { "--no-huge",   "-m",	   "--socket-mem",
					      "--in-memory", "--huge-dir", NULL };
	static const char *const devices[] = { "-a", "--allow", "-b", "--block", "--no-pci", NULL };
	char text[32];

	a->memory_mb = DEFAULT_MEMORY_MB;
	if (memory_in_args(a)) {
		a->memory_mb = MAX(memory_in_args(a), 64);
	} else if (!hugepages && !args_have(a, memory)) {
		snprintf(text, sizeof(text), "%u", a->memory_mb);
		args_add(a, "--no-huge");
		args_add(a, "--no-shconf");
		args_add(a, "-m");
		args_add(a, text);
		// Without hugepages there is no memory that a PCI device could reach.
		if (!args_have(a, devices))
			args_add(a, "--no-pci");
	}
	if (!args_have(a, devices)) {
		// Matches nothing: devices are attached when a port asks for them, not all at start.
		args_add(a, "-a");
		args_add(a, "0000:00:00.0");
	}
}

static int make(struct eal_args *a, const struct datapath_config *c, int cpu, struct error *err)
{
	static const char *const lcores[] = { "-c", "-l", "--lcores", NULL };
	static const char *const prefix[] = { "--file-prefix", NULL };
	static const char *const telemetry[] = { "--telemetry", "--no-telemetry", NULL };
	char text[64];
	int hugepages;

	args_add(a, program_name ? program_name : "openeswitch");
	if (c->extra_eal_args && eal_split_args(c->extra_eal_args, &a->v, &a->n, &a->cap, err) < 0)
		return error_wrap(err, "dpdk-extra");
	hugepages = add_values(a, c, err);
	if (hugepages < 0)
		return hugepages;
	if (!args_have(a, lcores)) {
		snprintf(text, sizeof(text), "0@%d", cpu);
		args_add(a, "--lcores");
		args_add(a, text);
	}
	add_memory_args(a, hugepages);
	if (!args_have(a, telemetry))
		args_add(a, "--no-telemetry");
	if (!args_have(a, prefix)) {
		snprintf(text, sizeof(text), "--file-prefix=openeswitch-%d", (int)getpid());
		args_add(a, text);
	}
	return 0;
}

int eal_args_make(struct eal_args *a, const struct datapath_config *c, int cpu, struct error *err)
{
	int ret = make(a, c, cpu, err);

	if (ret)
		eal_args_free(a);
	return ret;
}

void eal_args_free(struct eal_args *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	*a = (struct eal_args){ .n = 0 };
}

char *eal_args_text(const struct eal_args *a)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 1; i < a->n; i++)
		strbuf_printf(&text, " %s", a->v[i]);
	return strbuf_take(&text);
}
