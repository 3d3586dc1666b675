// SPDX-License-Identifier: Apache-2.0
// Drives one LLVMFuzzerTestOneInput() without libFuzzer: every file of the directories given, then mutations of
// them from a fixed seed, so that each run does the same. usage: PROGRAM [-n MUTATIONS] DIR...
// (tests/fuzz/long drives the same function by libFuzzer.)
#ifndef WITH_LIBFUZZER
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *data;
	size_t size;
};

static struct input *inputs;
static size_t n_inputs;
static uint64_t state = 0x9e3779b97f4a7c15;

static uint32_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 32;
}

static void load(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct input in = { NULL, 0 };
	size_t n;

	if (!f)
		return;
	do {
		in.data = realloc(in.data, in.size + 65536);
		n = fread(in.data + in.size, 1, 65536, f);
		in.size += n;
	} while (n);
	fclose(f);
	inputs = realloc(inputs, (n_inputs + 1) * sizeof(*inputs));
	inputs[n_inputs++] = in;
}

static int load_directory(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);

	if (n < 0) {
		perror(dir);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (!stat(path, &st) && S_ISREG(st.st_mode))
			load(path);
		free(names[i]);
	}
	free(names);
	return 0;
}

// Exactly as many bytes as there are, so that a sanitizer sees one read too far.
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

// Flips, inserts, removes, repeats, or joins with another input.
static void mutate(uint8_t *buf, size_t *size, size_t max)
{
	size_t at = *size ? next_random() % *size : 0, n = 1 + next_random() % 16;
	const struct input *other = &inputs[next_random() % n_inputs];

	switch (next_random() % 5) {
	case 0:
		if (*size)
			buf[at] ^= 1u << (next_random() % 8);
		break;
	case 1:
		if (*size)
			buf[at] = next_random();
		break;
	case 2:
		n = n < *size - at ? n : *size - at;
		memmove(buf + at, buf + at + n, *size - at - n);
		*size -= n;
		break;
	case 3:
		n = n < *size - at ? n : *size - at;
		if (*size + n > max)
			break;
		memmove(buf + at + n, buf + at, *size - at);
		*size += n;
		break;
	case 4:
		if (other->size) {
			size_t from = next_random() % other->size;

			n = other->size - from < max - at ? other->size - from : max - at;
			memcpy(buf + at, other->data + from, n);
			*size = at + n;
		}
	}
}

int main(int argc, char *argv[])
{
	unsigned long mutations = 20000;
	size_t max = 1 << 16;
	uint8_t *buf;
	int first = 1;

	if (argc > 2 && !strcmp(argv[1], "-n")) {
		mutations = strtoul(argv[2], NULL, 10);
		first = 3;
	}
	for (int i = first; i < argc; i++)
		if (load_directory(argv[i]))
			return 1;
	if (!n_inputs) {
		fprintf(stderr, "usage: %s [-n MUTATIONS] DIRECTORY...: no inputs\n", argv[0]);
		return 1;
	}
	for (size_t i = 0; i < n_inputs; i++)
		run(inputs[i].data, inputs[i].size);
	buf = malloc(max);
	for (unsigned long i = 0; i < mutations; i++) {
		const struct input *in = &inputs[next_random() % n_inputs];
		size_t size = in->size < max ? in->size : max;

		memcpy(buf, in->data, size);
		for (uint32_t k = next_random() % 6 + 1; k; k--)
			mutate(buf, &size, max);
		run(buf, size);
	}
	printf("%zu inputs, %lu mutations\n", n_inputs, mutations);
	for (size_t i = 0; i < n_inputs; i++)
		free(inputs[i].data);
	free(inputs);
	free(buf);
	return 0;
}
#endif
