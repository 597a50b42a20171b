// avx2_vnni.cpp for processors of the tests that lack its instruction.
#include "kernels/avx2_vnni.cpp"
