#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "runtime/error.h"
#include "runtime/file.h"

// What the tools' command lines share.
namespace sinter::tools {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

// A mistake in the command line itself.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Parses the command line, does the work and gives the exit status; messages go to stderr.
inline int run_tool(CLI::App& app, int argc, char** argv, const std::function<void()>& work) {
  try {
    app.parse(argc, argv);
    work();
    runtime::flush_output();
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help is no mistake
    std::cerr << app.get_name() << ": " << error.what() << "; --help says more\n";
    return kUsage;
  } catch (const UsageError& error) {
    std::cerr << app.get_name() << ": " << error.what() << "\n";
    return kUsage;
  } catch (const std::logic_error& error) {
    std::cerr << app.get_name() << ": internal error: " << error.what() << "\n";
  } catch (const std::exception& error) {
    std::cerr << app.get_name() << ": " << error.what() << "\n";
  }
  return kFailed;
}

// The text of a file, or of the standard input for "-".
inline std::string read_text(const std::string& file) {
  if (file != "-") return runtime::read_file(file);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

inline std::string display_name(const std::string& file) {
  return file == "-" ? "<stdin>" : file;
}

}  // namespace sinter::tools
