// Says what this build of Sinter is, and what it finds on this machine.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "backends/registry/registry.h"
#include "tools/command_line.h"

namespace sinter::tools {
namespace {

std::string backends() {
  std::vector<std::string_view> names;
  for (const auto* backend : backends::all_backends()) names.push_back(backend->name());
  return fmt::format("{}", fmt::join(names, " "));
}

std::string cpu() {
  return backends::open_device("cpu")->target().description;
}

void print_all() {
  fmt::print("version: {}\nbackends: {}\ncpu: {}\n", SINTER_VERSION, backends(), cpu());
  for (const auto* backend : backends::all_backends()) {
    for (const std::string& line : backend->devices()) fmt::print("device: {}\n", line);
  }
}

}  // namespace
}  // namespace sinter::tools

int main(int argc, char** argv) {
  CLI::App app("Says what this Sinter is and what it finds on this machine; without an option, all of it.",
               "sinter-config");
  const auto fact = [&](const char* option, auto text, const char* what) {
    app.add_flag_callback(
        option,
        [text] {
          fmt::print("{}\n", text());
          throw CLI::Success();
        },
        what);
  };
  fact(
      "--version", [] { return SINTER_VERSION; }, "print the version");
  fact("--backends", sinter::tools::backends, "print the backends it was built with");
  fact("--cpu", sinter::tools::cpu, "print the processor that cpu compiles for");
  return sinter::tools::run_tool(app, argc, argv, sinter::tools::print_all);
}
