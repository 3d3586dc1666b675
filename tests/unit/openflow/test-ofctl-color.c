// SPDX-License-Identifier: Apache-2.0
// Colors in lines of flows: they take nothing from a line and add nothing to it, whatever it holds, and end at names in quotes.
#include <check.h>

#include "tests/suite.h"
#include "utilities/ovs-ofctl.h"

#define END "\33[m\33[K"
#define ACTIONS "\33[1;31m\33[K"
#define SPECIAL "\33[33m\33[K"
#define PAREN "\33[35m\33[K"
#define PARAM "\33[36m\33[K"

// What is printed without the colors.
static void strip(const struct strbuf *in, struct strbuf *out)
{
	const char *s = strbuf_cstr(in);

	while (*s)
		if (*s == '\33')
			s += strcspn(s, "mK") + 1;
		else
			wr_u8(out, *s++);
}

static const struct {
	const char *name, *line, *colored;
} names[] = {
	{ "a bracket that opens", "priority=1 actions=resubmit(\"p[q\",1)",
	  SPECIAL "priority=" END "1 " ACTIONS "actions=" END PAREN "resubmit(" END
		  "\"p[q\",1" PAREN ")" END },
	{ "without quotes", "actions=p[q", ACTIONS "actions=" END "p[q" },
	{ "an action's", "actions=resubmit(\"drop\",1)",
	  ACTIONS "actions=" END PAREN "resubmit(" END "\"drop\",1" PAREN ")" END },
	{ "a comma", "in_port=\"p,tcp=1\" actions=output:\"a,exit\"",
	  PARAM "in_port=" END "\"p,tcp=1\" " ACTIONS "actions=" END SPECIAL "output:" END
		"\"a,exit\"" },
	{ "a parenthesis", "actions=resubmit(\"p)\",1),output:\")\"",
	  ACTIONS "actions=" END PAREN "resubmit(" END "\"p)\",1" PAREN ")" END "," SPECIAL
		  "output:" END "\")\"" },
	{ "an arrow", "actions=output:\"a->b,exit\"",
	  ACTIONS "actions=" END SPECIAL "output:" END "\"a->b,exit\"" },
	{ "cut off", "actions=output:\"p,exit",
	  ACTIONS "actions=" END SPECIAL "output:" END "\"p,exit" },
};

START_TEST(names_in_quotes)
{
	AUTO(strbuf) out = STRBUF_INIT;

	ofctl_color_flow(names[_i].line, true, &out);
	ck_assert_msg(!strcmp(strbuf_cstr(&out), names[_i].colored), "%s: %s", names[_i].name,
		      strbuf_cstr(&out));
}
END_TEST

static const char *const pieces[] = {
	"actions=", "learn(",	  "resubmit(", "exec(",
	"nat(",	    "output:",	  "output(",   "drop",
	"load:",    "set_field:", "priority=", "fin_hard_timeout=",
	"nsh(",	    "ct(",	  "conj_id=",  "NXM_NX_REG0[",
	"reg0",	    "tcp",	  "\"",	       "\"p[q\"",
	"[",	    "]",	  "(",	       ")",
	"->",	    "-",	  ",",	       " ",
	"=",	    ":",	  "0x1",       "_",
	"src=",	    "dec_ttl",	  "\xff",      "table=",
};

START_TEST(nothing_is_lost_or_added)
{
	uint32_t state = 1;

	for (unsigned int i = 0; i < 50000; i++) {
		AUTO(strbuf) line = STRBUF_INIT;
		AUTO(strbuf) out = STRBUF_INIT;
		AUTO(strbuf) plain = STRBUF_INIT;
		AUTO_FREE char *exact = NULL; // a byte behind it is a sanitizer's find

		for (unsigned int n = state >> 28; n < 20; n++) {
			state = state * 1664525 + 1013904223;
			strbuf_puts(&line, pieces[(state >> 16) % ARRAY_SIZE(pieces)]);
		}
		exact = xstrdup(strbuf_cstr(&line));
		ofctl_color_flow(exact, true, &out);
		strip(&out, &plain);
		ck_assert_str_eq(strbuf_cstr(&plain), exact);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ofctl color");
	TCase *tc = tcase_create("lines");

	tcase_add_loop_test(tc, names_in_quotes, 0, ARRAY_SIZE(names));
	tcase_add_test(tc, nothing_is_lost_or_added);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
