// SPDX-License-Identifier: Apache-2.0
// OpenSSL for TLS streams, loaded when the first is needed: its two libraries cost each start of a program more than all else does,
// and most programs, most of the time, speak no TLS. Behind this header functions of OpenSSL are called as ever; a new one needs a row
// in openssl.def.
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "core/base/error.h"

struct openssl {
#define F(NAME) __typeof__(&(NAME)) NAME;
#include "core/io/openssl.def"
#undef F
};

extern struct openssl openssl;

// Before the first call of anything of OpenSSL's. 0, or -ENOPROTOOPT with 'err' filled when the libraries are not there.
int openssl_load(struct error *err);

#ifndef OPENSSL_WITHOUT_NAMES
#include "core/io/openssl-names.h"
#endif
