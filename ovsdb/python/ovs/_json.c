// SPDX-License-Identifier: Apache-2.0
// ovs._json: the parser of ovs.json in C, for speed only. It cuts the text into tokens and puts values in their places; what
// is rare (escapes, fractions, what an error is called) is asked of ovs.json, so that both say the same.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

// As in ovs/json.py.
#define MAX_HEIGHT 1000
enum state { START, VALUE, VALUE_OR_END, ARRAY_NEXT, KEY, KEY_OR_END, COLON, OBJECT_NEXT, END };
enum token { NONE, RUN_NUMBER, RUN_KEYWORD, STRING };

struct parser {
	PyObject_HEAD bool check_trailer;
	enum state state;
	PyObject *value; // owned; what stands at the top
	PyObject *error; // owned; a string, or NULL
	PyObject *stack[MAX_HEIGHT]; // owned by 'value'
	PyObject *keys
		[MAX_HEIGHT]; // owned; of the objects on the stack, NULL where none has been read
	int height;
	enum token token;
	PyObject *partial; // owned; what earlier pieces had of the token
	bool escaped; // the last character of 'partial' is a backslash that escapes the next
	bool has_escape;
	Py_ssize_t line, column, byte;
};

static PyObject *new_ref(PyObject *o)
{
	Py_INCREF(o);
	return o;
}

// Of ovs.json, when it is first needed.
static PyObject *fn_number, *fn_unescape, *bad_class, *expected;

static bool load_helpers(void)
{
	if (expected)
		return true;
	PyObject *m = PyImport_ImportModule("ovs.json");

	if (!m)
		return false;
	fn_number = PyObject_GetAttrString(m, "_number");
	fn_unescape = PyObject_GetAttrString(m, "_unescape");
	bad_class = PyObject_GetAttrString(m, "_Bad");
	if (fn_number && fn_unescape && bad_class)
		expected = PyObject_GetAttrString(m, "_EXPECTED");
	Py_DECREF(m);
	return expected != NULL;
}

// Raises ovs.json._Bad, which feed() and finish() turn into the parser's error. Always returns -1.
static int bad(const char *format, ...)
{
	va_list args;

	if (!load_helpers())
		return -1;
	va_start(args, format);
	PyErr_FormatV(bad_class, format, args);
	va_end(args);
	return -1;
}

static int bad_state(enum state state)
{
	if (!load_helpers())
		return -1;
	PyObject *number = PyLong_FromLong(state);
	PyObject *text = number ? PyDict_GetItemWithError(expected, number) : NULL;

	Py_XDECREF(number);
	if (text)
		PyErr_SetObject(bad_class, text);
	else if (!PyErr_Occurred())
		PyErr_SetString(PyExc_SystemError, "ovs.json and ovs._json do not fit together");
	return -1;
}

// If what was raised is _Bad, makes it the error, "line ...: message". False if it is another exception, which stays raised.
static bool take_error(struct parser *p)
{
	PyObject *type, *value, *trace;

	if (!bad_class || !PyErr_ExceptionMatches(bad_class))
		return false;
	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	p->error = PyUnicode_FromFormat("line %zd, column %zd, byte %zd: %S", p->line, p->column,
					p->byte, value);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
	return p->error != NULL;
}

// Counts characters 'from' to 'to'.
static void advance(struct parser *p, int kind, const void *data, Py_ssize_t from, Py_ssize_t to)
{
	for (; from < to; from++) {
		Py_UCS4 c = PyUnicode_READ(kind, data, from);
		int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		p->byte += n;
		p->column += n;
		if (c == '\n') {
			p->line++;
			p->column = 0;
		}
	}
}

// A value that is complete, or an array or object that begins.
static int put(struct parser *p, PyObject *value)
{
	if (p->state != VALUE && p->state != VALUE_OR_END)
		return bad_state(p->state);
	PyObject *top = p->stack[p->height - 1];

	if (PyList_CheckExact(top)) {
		p->state = ARRAY_NEXT;
		return PyList_Append(top, value);
	}
	p->state = OBJECT_NEXT;
	return PyDict_SetItem(top, p->keys[p->height - 1], value);
}

// As put(), but takes the reference.
static int put_new(struct parser *p, PyObject *value)
{
	if (!value)
		return -1;
	int error = put(p, value);

	Py_DECREF(value);
	return error;
}

static int push(struct parser *p, PyObject *new, enum state state)
{
	if (!new)
		return -1;
	if (p->state == START) {
		p->value = new_ref(new);
	} else if (put(p, new) < 0) {
		Py_DECREF(new);
		return -1;
	}
	Py_DECREF(new); // its place has it
	if (p->height == MAX_HEIGHT)
		return bad("input exceeds maximum nesting depth %d", MAX_HEIGHT);
	p->stack[p->height++] = new;
	p->state = state;
	return 0;
}

static int pop(struct parser *p)
{
	p->height--;
	Py_CLEAR(p->keys[p->height]);
	p->state = !p->height					? END
		   : PyList_CheckExact(p->stack[p->height - 1]) ? ARRAY_NEXT
								: OBJECT_NEXT;
	return 0;
}

static int punctuation(struct parser *p, Py_UCS4 c)
{
	if (c == '[')
		return push(p, PyList_New(0), VALUE_OR_END);
	if (c == '{')
		return push(p, PyDict_New(), KEY_OR_END);
	if (c == ']' && (p->state == VALUE_OR_END || p->state == ARRAY_NEXT))
		return pop(p);
	if (c == '}' && (p->state == KEY_OR_END || p->state == OBJECT_NEXT))
		return pop(p);
	if (c == ',' && (p->state == ARRAY_NEXT || p->state == OBJECT_NEXT))
		p->state = p->state == ARRAY_NEXT ? VALUE : KEY;
	else if (c == ':' && p->state == COLON)
		p->state = VALUE;
	else
		return bad_state(p->state);
	return 0;
}

static int finish_number(struct parser *p, PyObject *text)
{
	Py_ssize_t n = PyUnicode_GET_LENGTH(text), i = 0;
	const char *s = PyUnicode_AsUTF8(text);
	bool negative = s && s[0] == '-';
	long long value = 0;

	if (!s)
		return -1;
	// Digits only, so few that they fit; the first is no zero, unless it is alone.
	for (i = negative; i < n && n <= 18 && s[i] >= '0' && s[i] <= '9'; i++)
		value = value * 10 + (s[i] - '0');
	if (i == n && n > negative && n <= 18 && (s[negative] != '0' || n == negative + 1))
		return put_new(p, PyLong_FromLongLong(negative ? -value : value));
	return load_helpers() ? put_new(p, PyObject_CallOneArg(fn_number, text)) : -1;
}

static int finish_keyword(struct parser *p, PyObject *text)
{
	if (PyUnicode_CompareWithASCIIString(text, "true") == 0)
		return put(p, Py_True);
	if (PyUnicode_CompareWithASCIIString(text, "false") == 0)
		return put(p, Py_False);
	if (PyUnicode_CompareWithASCIIString(text, "null") == 0)
		return put(p, Py_None);
	return bad("invalid keyword '%U'", text);
}

static int finish_string(struct parser *p, PyObject *text)
{
	PyObject *value = NULL;

	if (!p->has_escape)
		value = new_ref(text);
	else if (load_helpers())
		value = PyObject_CallOneArg(fn_unescape, text);
	if (!value)
		return -1;
	if (p->state != KEY && p->state != KEY_OR_END)
		return put_new(p, value);
	PyUnicode_InternInPlace(&value);
	Py_XSETREF(p->keys[p->height - 1], value);
	p->state = COLON;
	return 0;
}

static int finish_token(struct parser *p, PyObject *text)
{
	enum token token = p->token;

	p->token = NONE;
	return token == STRING	     ? finish_string(p, text)
	       : token == RUN_NUMBER ? finish_number(p, text)
				     : finish_keyword(p, text);
}

static bool belongs(enum token token, Py_UCS4 c)
{
	if (token == RUN_KEYWORD)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// Where the token that goes on at 'at' ends: 'n' if it may go on in the next piece, -1 if a character must not stand in it,
// which '*at' then tells.
static Py_ssize_t find_end(struct parser *p, int kind, const void *data, Py_ssize_t *at,
			   Py_ssize_t n)
{
	Py_ssize_t i = *at;

	if (p->token != STRING) {
		while (i < n && belongs(p->token, PyUnicode_READ(kind, data, i)))
			i++;
		return i;
	}
	for (; i < n; i++) {
		Py_UCS4 c = PyUnicode_READ(kind, data, i);

		if (p->escaped) {
			p->escaped = false;
		} else if (c == '\\') {
			p->escaped = p->has_escape = true;
		} else if (c == '"') {
			break;
		} else if (c < 0x20) {
			char hex[8];

			// Python's formats know no %X.
			snprintf(hex, sizeof(hex), "%04X", (unsigned int)c);
			*at = i;
			return bad("U+%s must be escaped in quoted string", hex);
		}
	}
	return i;
}

// Reads on from '*at' in the token that has begun, and moves '*at' behind it; on failure to where it failed.
static int go_on(struct parser *p, PyObject *s, Py_ssize_t *at)
{
	Py_ssize_t n = PyUnicode_GET_LENGTH(s), begin = *at;
	Py_ssize_t end = find_end(p, PyUnicode_KIND(s), PyUnicode_DATA(s), at, n);

	if (end < 0)
		return -1;
	*at = end;
	PyObject *text = PyUnicode_Substring(s, begin, end);

	if (!text)
		return -1;
	if (p->partial)
		PyUnicode_AppendAndDel(&p->partial, text), text = p->partial, p->partial = NULL;
	if (!text)
		return -1;
	if (end == n) {
		p->partial = text;
		return 0;
	}
	bool is_string = p->token == STRING;
	int error = finish_token(p, text);

	Py_DECREF(text);
	if (!error && is_string)
		++*at;
	return error;
}

static int begin_token(struct parser *p, PyObject *s, Py_ssize_t *at, Py_UCS4 c)
{
	p->token = c == '"' ? STRING : c >= 'a' && c <= 'z' ? RUN_KEYWORD : RUN_NUMBER;
	p->escaped = p->has_escape = false;
	if (c == '"')
		++*at;
	return go_on(p, s, at);
}

static bool is_done(const struct parser *p)
{
	return p->error || (p->state == END && !p->check_trailer);
}

static int feed_tokens(struct parser *p, PyObject *s, Py_ssize_t *at)
{
	Py_ssize_t n = PyUnicode_GET_LENGTH(s);
	int kind = PyUnicode_KIND(s);
	const void *data = PyUnicode_DATA(s);

	if (p->token != NONE && go_on(p, s, at) < 0)
		return -1;
	while (*at < n && !is_done(p)) {
		Py_UCS4 c = PyUnicode_READ(kind, data, *at);
		int error = 0;

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			++*at;
		else if (c == '"' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))
			error = begin_token(p, s, at, c);
		else if (c == '[' || c == ']' || c == '{' || c == '}' || c == ':' || c == ',')
			error = punctuation(p, c) < 0 ? -1 : (++*at, 0);
		else if (c > ' ' && c < 0x7f)
			error = bad("invalid character '%c'", (int)c);
		else
			error = bad("invalid character U+%04x", (int)c);
		if (error)
			return -1;
	}
	return 0;
}

static PyObject *parser_feed(PyObject *self, PyObject *s)
{
	struct parser *p = (struct parser *)self;
	Py_ssize_t at = 0;

	if (!PyUnicode_Check(s))
		return PyErr_Format(PyExc_TypeError, "a string is needed, not %s",
				    Py_TYPE(s)->tp_name);
	if (is_done(p))
		return PyLong_FromLong(0);
	int error = feed_tokens(p, s, &at);

	advance(p, PyUnicode_KIND(s), PyUnicode_DATA(s), 0, at);
	if (error && !take_error(p))
		return NULL;
	return PyLong_FromSsize_t(at);
}

static PyObject *parser_is_done(PyObject *self, PyObject *unused)
{
	return PyBool_FromLong(is_done((struct parser *)self));
}

static int finish(struct parser *p)
{
	if (p->token == STRING)
		return bad("unexpected end of input in quoted string");
	if (p->token != NONE) {
		PyObject *text = p->partial;

		p->partial = NULL;
		int error = finish_token(p, text);

		Py_DECREF(text);
		if (error)
			return -1;
	}
	if (p->state == END)
		return 0;
	return bad(p->state == START ? "empty input stream" : "unexpected end of input");
}

static PyObject *parser_finish(PyObject *self, PyObject *unused)
{
	struct parser *p = (struct parser *)self;

	if (!p->error && finish(p) < 0 && !take_error(p))
		return NULL;
	return new_ref(p->error ? p->error : p->value);
}

static PyObject *parser_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *names[] = { "check_trailer", NULL };
	int check_trailer = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p", names, &check_trailer))
		return NULL;
	struct parser *p = (struct parser *)type->tp_alloc(type, 0);

	if (p)
		p->check_trailer = check_trailer;
	return (PyObject *)p;
}

static void parser_dealloc(PyObject *self)
{
	struct parser *p = (struct parser *)self;

	for (int i = 0; i < p->height; i++)
		Py_XDECREF(p->keys[i]);
	Py_XDECREF(p->value);
	Py_XDECREF(p->error);
	Py_XDECREF(p->partial);
	Py_TYPE(self)->tp_free(self);
}

static PyMethodDef methods[] = {
	{ "feed", parser_feed, METH_O,
	  "Reads a string and returns how many of its characters were consumed." },
	{ "is_done", parser_is_done, METH_NOARGS,
	  "True when nothing more is wanted: the value is there, or an error." },
	{ "finish", parser_finish, METH_NOARGS,
	  "The value; a string, which is never a value at the top, is the error." },
	{ NULL },
};

static PyTypeObject parser_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ovs._json.Parser",
	.tp_doc = "See ovs.json.PythonParser.",
	.tp_basicsize = sizeof(struct parser),
	.tp_flags = Py_TPFLAGS_DEFAULT,
	.tp_new = parser_new,
	.tp_dealloc = parser_dealloc,
	.tp_methods = methods,
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "ovs._json",
	.m_doc = "The parser of ovs.json in C.",
	.m_size = -1,
};

PyMODINIT_FUNC PyInit__json(void)
{
	if (PyType_Ready(&parser_type) < 0)
		return NULL;
	PyObject *m = PyModule_Create(&module);

	if (m && PyModule_AddObject(m, "Parser", new_ref((PyObject *)&parser_type)) < 0)
		Py_CLEAR(m);
	return m;
}
