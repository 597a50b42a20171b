// Model files are mapped: a file that another program cuts short while it is read ends the reader by a signal (SIGBUS).
// A program that has more to lose than one answer asks for the guard once, early:
//
//     int main() {
//         facet::guardMappedFiles();
//         ...
//
// From then on the lost part of a mapped model file reads as zeros and the file counts as damaged: requests that use it
// end with ModelFileCorrupt, the program goes on. Everything else that raises the signal is treated as it was before
// (an earlier handler is called, or the program ends).
#pragma once

namespace facet {

// Installs a handler of SIGBUS for the whole process; further calls do nothing. False: the system refused it.
bool guardMappedFiles() noexcept;

} // namespace facet
