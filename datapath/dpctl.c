// SPDX-License-Identifier: Apache-2.0
#include "datapath/dpctl.h"

#include "core/base/log.h"
#include "core/base/util.h"

LOG_MODULE(dpctl);

#define LONG_ANSWER 65536

void dpctl_uninit(struct dpctl *d)
{
	strbuf_uninit(&d->out);
	strbuf_uninit(&d->errors);
}

bool dpctl_take_detail(struct dpctl *d, const char *arg)
{
	if (!strcmp(arg, "-m") || !strcmp(arg, "--more")) {
		d->more = true;
		d->names |= !d->names_given;
	} else if (!strcmp(arg, "--names") || !strcmp(arg, "--no-names")) {
		d->names_given = true;
		d->names = !strcmp(arg, "--names");
	} else {
		return false;
	}
	return true;
}

bool dpctl_take_option(struct dpctl *d, const char *arg)
{
	if (!strcmp(arg, "-s") || !strcmp(arg, "--statistics"))
		d->statistics = true;
	else if (!strcmp(arg, "--may-create"))
		d->may_create = true;
	else if (!strcmp(arg, "--clear"))
		d->clear = true;
	else
		return dpctl_take_detail(d, arg);
	return true;
}

void dpctl_fail(struct dpctl *d, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	strbuf_printf(&d->errors, "%s: ", program_name);
	strbuf_vprintf(&d->errors, fmt, args);
	va_end(args);
	if (error)
		strbuf_printf(&d->errors, " (%s)", strerror(-error));
	strbuf_putc(&d->errors, '\n');
	d->n_errors++;
}

void dpctl_explain(const struct error *err)
{
	if (err->text[0])
		log_warn("%s", err->text);
}

void dpctl_fail_to_choose(struct dpctl *d, bool several)
{
	dpctl_fail(d, 0, several ? "multiple datapaths, specify one" : "no datapaths exist");
	dpctl_fail(d, -EINVAL, "datapath not found");
}

void dpctl_drain(struct dpctl *d)
{
	if (d->drain && d->out.len >= LONG_ANSWER)
		d->drain(d);
}
