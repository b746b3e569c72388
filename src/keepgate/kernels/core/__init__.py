"""The compiled C++ core (csrc/) as a kernel: arguments, weight cache, autograd, operators, vmap and threads."""
