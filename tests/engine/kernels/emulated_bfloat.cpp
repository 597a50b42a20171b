// avx512_bfloat.cpp for processors of the tests that lack its instruction.
#include "kernels/avx512_bfloat.cpp"
