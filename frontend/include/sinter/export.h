#pragma once

// Stands at the namespaces of the public headers: what is declared there is what the shared library exports.
#define SINTER_EXPORT [[gnu::visibility("default")]]
// Stands where a class is defined that the public headers only name: it is not exported.
#define SINTER_INTERNAL [[gnu::visibility("hidden")]]
