#pragma once

#include <gtest/gtest.h>

#include <string>

namespace sinter::guide {

// Runs the program of a page in an empty folder, and compares what it prints with what the page shows. With
// SINTER_REWRITE_GUIDE set, the page shows afterwards what was printed.
void expect_prints(const std::string& name, void (*program)());

}  // namespace sinter::guide
