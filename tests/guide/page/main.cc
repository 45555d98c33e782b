// guide-source PAGE.md OUT.cc: writes the source of the test of a page.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/guide/page/page.h"

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("takes a page and a file to write");
  std::ostringstream page;
  page << std::ifstream(argv[1]).rdbuf();
  std::ofstream out(argv[2]);
  out << sinter::guide::source_of(std::filesystem::path(argv[1]).stem().string(), page.str());
  return out.flush() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argc > 1 ? argv[1] : "guide-source", error.what());
  return 1;
}
