/* The least a hook can cost: builtin functions that do nothing, on the events a recorder of calls needs.
 *
 * Compiled by benches/run.py against the headers of the interpreter that is measured, into target/bench. `empty` is what
 * every ratio in the table is a ratio to; the counters say how often it would have been called.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *
empty(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    Py_RETURN_NONE;
}

/* One counter for each event that is told apart; an index in the order of `counters` below. */
static unsigned long long counts[4];

#define COUNTER(name, index)                                                     \
    static PyObject *                                                            \
    name(PyObject *self, PyObject *const *arguments, Py_ssize_t count)           \
    {                                                                            \
        counts[index]++;                                                         \
        Py_RETURN_NONE;                                                          \
    }

COUNTER(count_start, 0)
COUNTER(count_resume, 1)
COUNTER(count_throw, 2)
COUNTER(count_line, 3)

/* The counters since the last call, which sets them back: started, resumed, thrown into, lines. */
static PyObject *
take_counts(PyObject *self, PyObject *unused)
{
    PyObject *taken = Py_BuildValue("(KKKK)", counts[0], counts[1], counts[2], counts[3]);
    memset(counts, 0, sizeof counts);
    return taken;
}

static PyMethodDef functions[] = {
    {"empty", (PyCFunction)(void (*)(void))empty, METH_FASTCALL, NULL},
    {"count_start", (PyCFunction)(void (*)(void))count_start, METH_FASTCALL, NULL},
    {"count_resume", (PyCFunction)(void (*)(void))count_resume, METH_FASTCALL, NULL},
    {"count_throw", (PyCFunction)(void (*)(void))count_throw, METH_FASTCALL, NULL},
    {"count_line", (PyCFunction)(void (*)(void))count_line, METH_FASTCALL, NULL},
    {"take_counts", take_counts, METH_NOARGS, NULL},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "floor", .m_size = 0, .m_methods = functions,
};

PyMODINIT_FUNC
PyInit_floor(void)
{
    return PyModuleDef_Init(&definition);
}
