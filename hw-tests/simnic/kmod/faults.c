// SPDX-License-Identifier: GPL-2.0
// Misbehaviour on demand, by words written to <debugfs>/simnic/simnic.N/control; reading shows what is set, and counters.
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "hw-tests/simnic/kmod/simnic.h"

static struct dentry *root; // one for all NICs, while there are any
static unsigned int root_users;

int sn_faults_before_insert(struct sn_nic *nic, bool connection, struct netlink_ext_ack *extack)
{
	struct sn_faults *f = &nic->faults;

	if (f->insert_us)
		fsleep(f->insert_us);
	if (f->reset)
		return sn_refuse(extack, "simnic: the device is being reset", EIO);
	if (f->refuse_next && !connection) {
		f->refuse_next--;
		return sn_refuse(extack, "simnic: refused (fault injection)",
				 clamp_t(u32, f->refuse_errno, 1, MAX_ERRNO));
	}
	if (f->capacity && nic->n_rules >= f->capacity)
		return sn_refuse(extack, "simnic: the rule table is full", ENOSPC);
	return 0;
}

// ---- Commands: the words written to "control" ----

struct command {
	const char *name;
	unsigned int n_args;
	int (*run)(struct sn_nic *nic, char **args);
};

static const struct {
	const char *name;
	unsigned int number;
} errors[] = {
	{ "EIO", EIO },
	{ "ENOSPC", ENOSPC },
	{ "ENOMEM", ENOMEM },
	{ "EBUSY", EBUSY },
	{ "EAGAIN", EAGAIN },
	{ "EINVAL", EINVAL },
	{ "ETIMEDOUT", ETIMEDOUT },
	{ "EOPNOTSUPP", EOPNOTSUPP },
};

static int run_fail_next(struct sn_nic *nic, char **args)
{
	unsigned int i, n;
	int err = kstrtouint(args[0], 0, &n);

	for (i = 0; !err && i < ARRAY_SIZE(errors); i++)
		if (!strcmp(errors[i].name, args[1])) {
			nic->faults.refuse_errno = errors[i].number;
			nic->faults.refuse_next = n;
			return 0;
		}
	return -EINVAL;
}

// "key:vlan" or "action:pedit": the set that it is in, and its bit there.
static int find_capability(struct sn_nic *nic, const char *text, u64 **ret_set)
{
	if (!strncmp(text, "key:", 4)) {
		*ret_set = &nic->faults.refuse_keys;
		return sn_match_key_by_name(text + 4);
	}
	if (!strncmp(text, "action:", 7)) {
		*ret_set = &nic->faults.refuse_actions;
		return sn_action_by_name(text + 7);
	}
	return -EINVAL;
}

static int run_refuse(struct sn_nic *nic, char **args)
{
	u64 *set;
	int bit = find_capability(nic, args[0], &set);

	if (bit < 0)
		return bit;
	*set |= BIT_ULL(bit);
	return 0;
}

static int run_allow(struct sn_nic *nic, char **args)
{
	u64 *set;
	int bit;

	if (!strcmp(args[0], "all")) {
		nic->faults.refuse_keys = 0;
		nic->faults.refuse_actions = 0;
		nic->faults.refuse_next = 0;
		return 0;
	}
	bit = find_capability(nic, args[0], &set);
	if (bit < 0)
		return bit;
	*set &= ~BIT_ULL(bit);
	return 0;
}

static int run_capacity(struct sn_nic *nic, char **args)
{
	return kstrtou32(args[0], 0, &nic->faults.capacity);
}

static int run_insert_us(struct sn_nic *nic, char **args)
{
	return kstrtou32(args[0], 0, &nic->faults.insert_us);
}

static int run_stats_lag(struct sn_nic *nic, char **args)
{
	return kstrtou32(args[0], 0, &nic->faults.stats_lag_ms);
}

static int run_counter_bits(struct sn_nic *nic, char **args)
{
	return kstrtou32(args[0], 0, &nic->faults.counter_bits);
}

static int run_ignore(struct sn_nic *nic, char **args)
{
	return kstrtobool(args[0], &nic->faults.ignore);
}

static int run_lose(struct sn_nic *nic, char **args)
{
	if (strcmp(args[0], "all"))
		return -EINVAL;
	sn_table_lose_all(nic);
	return 0;
}

static int run_profile(struct sn_nic *nic, char **args)
{
	const struct sn_profile *profile = sn_profile_find(args[0]);

	if (!profile)
		return -EINVAL;
	nic->profile = profile;
	return 0;
}

static const struct command commands[] = {
	{ "allow", 1, run_allow },
	{ "capacity", 1, run_capacity },
	{ "counter-bits", 1, run_counter_bits },
	{ "fail-next", 2, run_fail_next },
	{ "ignore", 1, run_ignore },
	{ "insert-us", 1, run_insert_us },
	{ "lose", 1, run_lose },
	{ "profile", 1, run_profile },
	{ "refuse", 1, run_refuse },
	{ "stats-lag-ms", 1, run_stats_lag },
};

// ---- Commands on ports: under devlink's lock, which comes before the other ----

static void set_carrier(struct sn_port *port, bool on)
{
	if (!port)
		return;
	if (!on)
		netif_carrier_off(port->netdev);
	else if (netif_running(port->netdev))
		netif_carrier_on(port->netdev);
}

static struct sn_port *held(struct sn_port __rcu *port)
{
	return rcu_dereference_protected(port, true);
}

static int run_reset(struct sn_nic *nic, char **args)
{
	unsigned int i;
	bool on;
	int err = kstrtobool(args[0], &on);

	if (err)
		return err;
	WRITE_ONCE(nic->faults.reset, on);
	if (on) {
		mutex_lock(&nic->rules_lock);
		sn_table_lose_all(nic);
		mutex_unlock(&nic->rules_lock);
	}
	sn_port_update_link(nic);
	for (i = 0; i < SN_MAX_VFS; i++) {
		set_carrier(held(nic->vfs[i]), !on);
		set_carrier(held(nic->reps[i]), !on);
	}
	return 0;
}

static int run_add_representor(struct sn_nic *nic, char **args)
{
	unsigned int vf;

	return kstrtouint(args[0], 0, &vf) ?: sn_nic_add_representor(nic, vf);
}

static int run_remove_representor(struct sn_nic *nic, char **args)
{
	unsigned int vf;

	return kstrtouint(args[0], 0, &vf) ?: sn_nic_remove_representor(nic, vf);
}

static const struct command port_commands[] = {
	{ "add-representor", 1, run_add_representor },
	{ "remove-representor", 1, run_remove_representor },
	{ "reset", 1, run_reset },
};

// ---- The files ----

#define MAX_ARGS 2

static int run_in(struct sn_nic *nic, const struct command *list, size_t n, const char *name,
		  char **args, unsigned int n_args)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return list[i].n_args == n_args ? list[i].run(nic, args) : -EINVAL;
	return -ENOENT;
}

static int run_line(struct sn_nic *nic, char *text)
{
	char *name = strsep(&text, " "), *args[MAX_ARGS];
	unsigned int n = 0;
	int err;

	while (text && n < MAX_ARGS)
		args[n++] = strsep(&text, " ");
	if (text)
		return -EINVAL;
	mutex_lock(&nic->rules_lock);
	err = run_in(nic, commands, ARRAY_SIZE(commands), name, args, n);
	mutex_unlock(&nic->rules_lock);
	if (err != -ENOENT)
		return err;
	devl_lock(nic->devlink);
	err = run_in(nic, port_commands, ARRAY_SIZE(port_commands), name, args, n);
	devl_unlock(nic->devlink);
	return err;
}

static ssize_t control_write(struct file *file, const char __user *buffer, size_t size,
			     loff_t *position)
{
	struct seq_file *seq = file->private_data;
	char *text;
	int err;

	if (size > PAGE_SIZE)
		return -E2BIG;
	text = memdup_user_nul(buffer, size);
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = run_line(seq->private, strim(text));
	kfree(text);
	return err ?: size;
}

static int control_show(struct seq_file *out, void *unused)
{
	struct sn_nic *nic = out->private;
	const struct sn_faults *f = &nic->faults;
	const struct sn_counters *c = &nic->counters;

	seq_printf(out, "profile %s\nrules %u\ncapacity %u\n", nic->profile->name, nic->n_rules,
		   f->capacity);
	seq_printf(out, "refuse-keys %#llx\nrefuse-actions %#llx\nfail-next %u %u\n",
		   f->refuse_keys, f->refuse_actions, f->refuse_next, f->refuse_errno);
	seq_printf(out, "insert-us %u\nignore %u\nstats-lag-ms %u\ncounter-bits %u\nreset %u\n",
		   f->insert_us, f->ignore, f->stats_lag_ms, f->counter_bits, f->reset);
	seq_printf(out,
		   "hits %lld\nmisses %lld\nto-software %lld\nfrom-software %lld\ndrops "
		   "%lld\nrefusals %lld\n",
		   atomic64_read(&c->hits), atomic64_read(&c->misses),
		   atomic64_read(&c->to_software), atomic64_read(&c->from_software),
		   atomic64_read(&c->drops), atomic64_read(&c->refusals));
	return 0;
}

static int control_open(struct inode *inode, struct file *file)
{
	return single_open(file, control_show, inode->i_private);
}

static const struct file_operations control_ops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.read = seq_read,
	.write = control_write,
	.llseek = seq_lseek,
	.release = single_release,
};

void sn_faults_create(struct sn_nic *nic)
{
	if (!root_users++)
		root = debugfs_create_dir("simnic", NULL);
	nic->debugfs = debugfs_create_dir(dev_name(&nic->pdev->dev), root);
	debugfs_create_file("control", 0600, nic->debugfs, nic, &control_ops);
}

void sn_faults_destroy(struct sn_nic *nic)
{
	debugfs_remove_recursive(nic->debugfs);
	if (!--root_users)
		debugfs_remove_recursive(root);
}
