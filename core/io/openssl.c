// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_WITHOUT_NAMES
#include "core/io/openssl.h"

#include <dlfcn.h>
#include <openssl/opensslv.h>

// Those that this program was built for: their headers' inline functions and structures are in it.
#define SSL_LIBRARY "libssl.so." OPENSSL_MSTR(OPENSSL_SHLIB_VERSION)

struct openssl openssl;

static const struct {
	const char *name;
	void **function;
} functions[] = {
#define F(NAME) { #NAME, (void **)&openssl.NAME },
#include "core/io/openssl.def"
#undef F
};

int openssl_load(struct error *err)
{
	static bool loaded;
	void *library;

	if (loaded)
		return 0;
	// libcrypto comes with it.
	library = dlopen(SSL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return error_set(err, -ENOPROTOOPT, "TLS is not there: %s", dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		*functions[i].function = dlsym(library, functions[i].name);
		if (!*functions[i].function) {
			dlclose(library);
			return error_set(err, -ENOPROTOOPT, "TLS is not there: %s has no %s",
					 SSL_LIBRARY, functions[i].name);
		}
	}
	loaded = true;
	return 0;
}
