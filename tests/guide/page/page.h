#pragma once

#include <string>
#include <vector>

namespace sinter::guide {

// A page of docs/guide is a program and what it prints:
//
//   ```cpp             the next lines of the program
//   <!-- cpp  -->      the same, not shown to the reader
//   ```text            what has been printed since the block before
//   ```c caller.c      a file in the folder where the program runs: a script, say, which it then calls
//
// Blocks of other languages are not looked at.
struct Piece {
  enum class Kind { code, output, file };

  Kind kind = Kind::code;
  size_t line = 0;   // of the page, from 1, where `text` begins
  std::string text;  // lines, each with its end
  std::string name;  // of a file
};

// Throws std::runtime_error, with the line, where a block has no end.
std::vector<Piece> pieces_of(const std::string& page);

// What parts the outputs of a page's program.
inline constexpr char kEndOfOutput[] = "\f\n";

// The source of a test that runs the program of page `name`. Its includes come first, the rest is the body of
// a function in the order of the page, where `int main() {` opens a block; its lines are the page's.
std::string source_of(const std::string& name, const std::string& page);

// Whether `output` is what a page shows. There `...` stands for anything within a line; alone on a line, for
// any number of lines.
bool is_shown(const std::string& shown, const std::string& output);

}  // namespace sinter::guide
