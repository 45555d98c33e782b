#pragma once

#include <string_view>
#include <vector>

#include "ir/loop/program.h"

// The text form of the Loop IR; print(), of program.h, makes it. What is printed and parsed prints as the
// same text again and does the same. Two things the text leaves out: which long expressions two statements
// share, and names of variables that hide others, which it tells apart.
namespace sinter::loop {

// Where the first program of a text begins, which may stand behind a graph; else where the text ends.
size_t find_program(std::string_view text);

// The programs of a text, one after the other. Throws GraphError "FILE:LINE:COLUMN: ..." that says what was
// expected. They have been verified.
std::vector<Program> parse(std::string_view text, std::string_view file = "<text>");

}  // namespace sinter::loop
