#include "tests/guide/page/page.h"

#include <sstream>
#include <stdexcept>

namespace sinter::guide {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool line_is_shown(const std::string& shown, const std::string& line) {
  const size_t gap = shown.find("...");
  if (gap == std::string::npos) return shown == line;
  if (line.compare(0, gap, shown, 0, gap) != 0) return false;
  const std::string rest = shown.substr(gap + 3);
  for (size_t at = gap; at <= line.size(); ++at)
    if (line_is_shown(rest, line.substr(at))) return true;
  return false;
}

bool lines_are_shown(const std::vector<std::string>& shown, size_t i, const std::vector<std::string>& output,
                     size_t k) {
  if (i == shown.size()) return k == output.size();
  if (shown[i] == "...") {
    for (size_t next = k; next <= output.size(); ++next)
      if (lines_are_shown(shown, i + 1, output, next)) return true;
    return false;
  }
  return k < output.size() && line_is_shown(shown[i], output[k]) &&
         lines_are_shown(shown, i + 1, output, k + 1);
}

}  // namespace

std::vector<Piece> pieces_of(const std::string& page) {
  std::vector<Piece> pieces;
  std::string end;  // of the block that a line is in; empty outside
  bool is_kept = false;
  size_t number = 0;
  for (const std::string& line : lines_of(page)) {
    ++number;
    if (end.empty()) {
      const bool is_hidden = line == "<!-- cpp";
      if (!is_hidden && !line.starts_with("```")) continue;
      end = is_hidden ? "-->" : "```";
      Piece piece{.line = number + 1};
      const size_t space = line.find(' ');
      if (line == "```text")
        piece.kind = Piece::Kind::output;
      else if (!is_hidden && space != std::string::npos)
        piece = {Piece::Kind::file, number + 1, "", line.substr(space + 1)};
      is_kept = is_hidden || line == "```cpp" || piece.kind != Piece::Kind::code;
      if (is_kept) pieces.push_back(piece);
    } else if (line == end) {
      end.clear();
    } else if (is_kept) {
      pieces.back().text += line + "\n";
    }
  }
  if (!end.empty()) throw std::runtime_error("line " + std::to_string(number) + ": a block has no end");
  return pieces;
}

std::string source_of(const std::string& name, const std::string& page) {
  std::string includes, body;
  for (const Piece& piece : pieces_of(page)) {
    if (piece.kind == Piece::Kind::output) {
      body += "std::cout << sinter::guide::kEndOfOutput << std::flush;\n";
      continue;
    }
    if (piece.kind == Piece::Kind::file) {
      body += "std::ofstream(\"" + piece.name + "\") << R\"guide(" + piece.text + ")guide\";\n";
      continue;
    }
    body += "#line " + std::to_string(piece.line) + " \"" + name + ".md\"\n";
    for (const std::string& line : lines_of(piece.text)) {
      const bool is_include = line.starts_with("#include ");
      if (is_include) includes += line + "\n";
      body += (is_include ? "" : line == "int main() {" ? "{" : line) + "\n";
    }
  }
  return "#include <sinter/sinter.h>\n#include <fstream>\n#include <iostream>\n" + includes +
         "#include \"tests/guide/expect_prints.h\"\n#include \"tests/guide/page/page.h\"\n"
         "namespace {\nvoid guide_" +
         name + "() {\nusing namespace sinter;\n" + body + "}\n}  // namespace\nTEST(Guide, " + name +
         ") { sinter::guide::expect_prints(\"" + name + "\", guide_" + name + "); }\n";
}

bool is_shown(const std::string& shown, const std::string& output) {
  return lines_are_shown(lines_of(shown), 0, lines_of(output), 0);
}

}  // namespace sinter::guide
