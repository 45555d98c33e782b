#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "backends/backend.h"
#include "backends/registry/registry.h"
#include "frontend/base/names.h"
#include "frontend/base/state_file.h"
#include "frontend/compile/library.h"
#include "ir/graph/callees.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "tools/command_line.h"
#include "tools/validators.h"

// Compiles functions of a graph in text form for programs that need no compiler.
namespace sinter::tools {
namespace {

struct Arguments {
  std::string file, name, device = "cpu", target = "native", state, out;
  std::vector<std::string> functions;  // none: all that no other runs
  uint64_t seed = 0;
  int threads = 0;
};

std::vector<std::string> functions_of(const graph::Module& module, const Arguments& arguments) {
  std::vector<std::string> names;
  std::set<std::string> run_by_others;
  for (const auto& function : module.functions) {
    names.push_back(function->name());
    for (const auto& op : function->ops()) {
      for (const std::string& callee : graph::callees(*op)) run_by_others.insert(callee);
    }
  }
  for (const std::string& name : arguments.functions) {
    if (module.find_function(name) != nullptr) continue;
    throw UsageError(fmt::format("{} has no function '{}'; it has {}", display_name(arguments.file), name,
                                 quoted_list(names)));
  }
  if (!arguments.functions.empty()) return arguments.functions;
  std::erase_if(names, [&](const std::string& name) { return run_by_others.contains(name); });
  return names;
}

std::string symbol_of(std::string function) {
  std::ranges::replace(function, '.', '_');
  return function;
}

void read_state(const std::string& path, const graph::Module& module, const std::set<std::string>& states,
                ExportedState& state) {
  std::vector<runtime::TensorSpec> specs;
  for (const std::string& name : states)
    specs.push_back(backends::to_spec(name, module.find_state(name)->type));
  StateFile file = read_states(path, specs);
  state.values = std::move(file.values);
  state.step = file.step.value_or(0);
}

void compile(const Arguments& arguments) {
  check_name("an export", arguments.name);
  const graph::Module module = graph::parse(read_text(arguments.file), display_name(arguments.file));
  graph::verify(module);
  std::vector<ExportedFunction> exported;
  for (const std::string& name : functions_of(module, arguments))
    exported.push_back({symbol_of(name), &module, name});
  ExportedState state{.seed = arguments.seed};
  if (!arguments.state.empty()) read_state(arguments.state, module, states_of(exported), state);
  const auto device = backends::open_device(arguments.device, arguments.threads, arguments.target);
  export_library(arguments.out, arguments.name, exported, *device, {}, state);
}

}  // namespace
}  // namespace sinter::tools

int main(int argc, char** argv) {
  using sinter::tools::whole_number;
  sinter::tools::Arguments arguments;
  CLI::App app(
      "Compiles functions of a graph in text form for programs that need no compiler: to OUT/NAME.o and "
      "OUT/NAME.h "
      "for programs in C, or for a GPU to OUT/NAME.sinter, which sinter::runtime plays; and "
      "OUT/NAME.safetensors "
      "where there is state.",
      "sinter-compile");
  app.add_option("FILE", arguments.file, "the graph; - is the standard input")->required();
  app.add_option("--name", arguments.name, "of the files, and what every symbol begins with")->required();
  app.add_option("--out", arguments.out, "the folder that they go to")->required();
  app.add_option("--device", arguments.device, "cpu, or vulkan, vulkan:1, ...")->capture_default_str();
  app.add_option("--target", arguments.target,
                 "native, x86-64-v3, aarch64, cortex-a76, ...; a GPU: h200, ...")
      ->capture_default_str();
  app.add_option("--function", arguments.functions, "a function to export; none: all that no other runs");
  app.add_option("--state", arguments.state, "a safetensors file with the state to begin with");
  app.add_option("--seed", arguments.seed, "of the random numbers")->check(sinter::tools::seed());
  app.add_option("--threads", arguments.threads,
                 "that work is cut for, which changes no result; 0: the cores that this process may use")
      ->check(whole_number(0, 1024));
  return sinter::tools::run_tool(app, argc, argv, [&] { sinter::tools::compile(arguments); });
}
