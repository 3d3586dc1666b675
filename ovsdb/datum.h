// SPDX-License-Identifier: Apache-2.0
// Values: an atom is one integer, real, boolean, string or uuid; a datum is what one column of one row holds, a
// set of atoms or a map, always sorted by key and free of duplicates.
//
// A datum does not know its type: callers pass the one of its column. Everything here is for one thread.
#pragma once

#include "ovsdb/types.h"

struct arena;

union ovsdb_atom {
	int64_t integer;
	double real;
	bool boolean;
	char *string; // owned, UTF-8
	struct uuid uuid;
};

struct ovsdb_datum {
	unsigned int n;
	bool borrowed; // what follows, strings and all, is another's: to be cloned before it is changed
	union ovsdb_atom *keys; // NULL when n is 0
	union ovsdb_atom *values; // NULL for sets
};

// Names that stand for rows of the same transaction ("named-uuid"; "@name" in text). Answers false when
// 'name' is unknown.
struct ovsdb_symbols {
	bool (*lookup)(struct ovsdb_symbols *s, const char *name, struct uuid *ret);
};

void ovsdb_atom_uninit(union ovsdb_atom *a, enum ovsdb_atomic_type type);
void ovsdb_atom_clone(union ovsdb_atom *dst, const union ovsdb_atom *src,
		      enum ovsdb_atomic_type type);
int ovsdb_atom_compare(const union ovsdb_atom *a, const union ovsdb_atom *b,
		       enum ovsdb_atomic_type type);
uint64_t ovsdb_atom_hash(const union ovsdb_atom *a, enum ovsdb_atomic_type type, uint64_t basis);
// Enumeration, range and length of 'base'.
int ovsdb_atom_check(const union ovsdb_atom *a, const struct ovsdb_base_type *base,
		     struct ovsdb_error *err);
// Also checks; 'symbols' may be NULL.
int ovsdb_atom_read(union ovsdb_atom *a, const struct ovsdb_base_type *base, struct json_reader *r,
		    struct ovsdb_symbols *symbols, struct ovsdb_error *err);
// The same with a string in memory of 'arena' (NULL: the heap), which is not to be freed.
int ovsdb_atom_read_in(struct arena *arena, union ovsdb_atom *a, const struct ovsdb_base_type *base,
		       struct json_reader *r, struct ovsdb_symbols *symbols,
		       struct ovsdb_error *err);
void ovsdb_atom_write(const union ovsdb_atom *a, enum ovsdb_atomic_type type,
		      struct json_writer *w);
// Text as the tools print it: a string stands bare when it looks like an identifier, else in double quotes.
void ovsdb_atom_format(const union ovsdb_atom *a, enum ovsdb_atomic_type type, struct strbuf *out);
// Without any quotes.
void ovsdb_atom_format_bare(const union ovsdb_atom *a, enum ovsdb_atomic_type type,
			    struct strbuf *out);
// The whole of 's' is one atom. Also checks.
int ovsdb_atom_parse(union ovsdb_atom *a, const struct ovsdb_base_type *base, const char *s,
		     struct ovsdb_symbols *symbols, struct ovsdb_error *err);
// One atom at '*s', which moves behind it (quoted string or bare word).
int ovsdb_token_parse(const char **s, char **ret_token, struct ovsdb_error *err);

void ovsdb_datum_init_empty(struct ovsdb_datum *d);
// Moves 'src', which is empty then, to 'dst', which owns what it holds even when 'src' did not.
void ovsdb_datum_take(struct ovsdb_datum *dst, struct ovsdb_datum *src, const struct ovsdb_type *t);
// As a new row has it: empty where that is allowed, else one zero, "" or null uuid.
void ovsdb_datum_init_default(struct ovsdb_datum *d, const struct ovsdb_type *t);
bool ovsdb_datum_is_default(const struct ovsdb_datum *d, const struct ovsdb_type *t);
void ovsdb_datum_uninit(struct ovsdb_datum *d, const struct ovsdb_type *t);
void ovsdb_datum_clone(struct ovsdb_datum *dst, const struct ovsdb_datum *src,
		       const struct ovsdb_type *t);
bool ovsdb_datum_equal(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
		       const struct ovsdb_type *t);
int ovsdb_datum_compare(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
			const struct ovsdb_type *t);
uint64_t ovsdb_datum_hash(const struct ovsdb_datum *d, const struct ovsdb_type *t, uint64_t basis);
// Sorts what a caller has filled in; a duplicate key is an error ("constraint violation").
int ovsdb_datum_sort(struct ovsdb_datum *d, const struct ovsdb_type *t, struct ovsdb_error *err);
// As above, but drops duplicates (the first wins).
void ovsdb_datum_sort_unique(struct ovsdb_datum *d, const struct ovsdb_type *t);
// Position of 'key', or -1.
ssize_t ovsdb_datum_find(const struct ovsdb_datum *d, const union ovsdb_atom *key,
			 const struct ovsdb_type *t);
// The value of string key 'key' in a map of strings, or NULL.
const char *ovsdb_datum_get_string(const struct ovsdb_datum *d, const char *key);
// Is element 'i' of 'a' (key, and value for maps) in 'b'?
bool ovsdb_datum_has_element(const struct ovsdb_datum *b, const struct ovsdb_datum *a,
			     unsigned int i, const struct ovsdb_type *t);
// Every element of 'a' is in 'b'; no element of 'a' is in 'b'.
bool ovsdb_datum_includes(const struct ovsdb_datum *b, const struct ovsdb_datum *a,
			  const struct ovsdb_type *t);
bool ovsdb_datum_excludes(const struct ovsdb_datum *b, const struct ovsdb_datum *a,
			  const struct ovsdb_type *t);
// a := a + b; for a map key that both have, b's value wins when 'replace', else a's.
void ovsdb_datum_union(struct ovsdb_datum *a, const struct ovsdb_datum *b,
		       const struct ovsdb_type *t, bool replace);
// a := a - b. 'b' has b_type, which for a map 'a' may be a set of its keys.
void ovsdb_datum_subtract(struct ovsdb_datum *a, const struct ovsdb_type *a_type,
			  const struct ovsdb_datum *b, const struct ovsdb_type *b_type);
void ovsdb_datum_remove(struct ovsdb_datum *d, unsigned int i, const struct ovsdb_type *t);
// The difference as update2 and the log write it: for sets and maps of more than one element the elements of one
// but not of the other (a changed map value: the new one); for others the new value itself.
void ovsdb_datum_diff(struct ovsdb_datum *diff, const struct ovsdb_datum *old,
		      const struct ovsdb_datum *new, const struct ovsdb_type *t);
// new := old with 'diff' applied; fails when the result would have too many or few elements.
int ovsdb_datum_apply_diff(struct ovsdb_datum *new, const struct ovsdb_datum *old,
			   const struct ovsdb_datum *diff, const struct ovsdb_type *t,
			   struct ovsdb_error *err);
// n_min and n_max of 't'.
int ovsdb_datum_check_size(const struct ovsdb_datum *d, const struct ovsdb_type *t,
			   struct ovsdb_error *err);

int ovsdb_datum_read(struct ovsdb_datum *d, const struct ovsdb_type *t, struct json_reader *r,
		     struct ovsdb_symbols *symbols, struct ovsdb_error *err);
// The same in memory of 'arena', which the datum borrows: nothing to free, nothing to keep.
int ovsdb_datum_read_in(struct arena *arena, struct ovsdb_datum *d, const struct ovsdb_type *t,
			struct json_reader *r, struct ovsdb_symbols *symbols,
			struct ovsdb_error *err);
void ovsdb_datum_write(const struct ovsdb_datum *d, const struct ovsdb_type *t,
		       struct json_writer *w);
// "[a, b]", "{k=v}" or one bare atom; as ovs-vsctl takes and prints it.
int ovsdb_datum_parse(struct ovsdb_datum *d, const struct ovsdb_type *t, const char *s,
		      struct ovsdb_symbols *symbols, struct ovsdb_error *err);
void ovsdb_datum_format(const struct ovsdb_datum *d, const struct ovsdb_type *t,
			struct strbuf *out);
// Without punctuation; elements separated by spaces.
void ovsdb_datum_format_bare(const struct ovsdb_datum *d, const struct ovsdb_type *t,
			     struct strbuf *out);
