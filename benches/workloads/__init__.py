"""What is measured: one module per workload.

Each has a docstring that begins with its name in the table, `INCLUDE` (whose code is recorded),
`SIZE` and `QUICK_SIZE`, and `run(size)`, which returns the CPU nanoseconds spent in threads
other than the calling one. `COUNTED` is there where the cost is per call of code that is not
recorded. Importing a workload needs nothing but the standard library; its first run, which is a
warm-up, may import the rest. The recorder and the empty hooks see only the files that `INCLUDE`
matches.
"""
