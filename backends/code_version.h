#pragma once

// Name the contents of the sources that what is in the cache on disk comes from. The build defines them
// (scripts/code_version.cmake).
namespace sinter::backends {

extern const char* const kCodeVersion;     // of machine code: from a kernel's loops
extern const char* const kLibraryVersion;  // of a compiled function: from its graph

}  // namespace sinter::backends
