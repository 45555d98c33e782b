#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "backends/backend.h"
#include "backends/registry/registry.h"
#include "frontend/compile/bundle.h"
#include "frontend/compile/check.h"
#include "frontend/compile/driver.h"
#include "frontend/compile/numerics.h"
#include "frontend/compile/strict.h"
#include "ir/graph/callees.h"
#include "ir/graph/text/text.h"
#include "runtime/npy.h"
#include "runtime/profile.h"
#include "tools/command_line.h"
#include "tools/validators.h"

// Runs one function of a graph in text form once, on tensors from .npy files.
namespace sinter::tools {
namespace {

struct Arguments {
  std::string file, device, target = "native", function, output_dir;
  std::vector<std::string> inputs, states;  // NAME=FILE
  uint64_t seed = 0;
  uint32_t step = 0;
  int threads = 0;
  bool check = false;
  bool profile = false;
  bool check_numerics = false;
  bool strict = false;
  std::string trace;  // a file; empty: none
};

using Paths = std::map<std::string, std::string>;

Paths parse_paths(const std::vector<std::string>& assignments, std::string_view option) {
  Paths paths;
  for (const std::string& assignment : assignments) {
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format("{} takes NAME=FILE, got '{}'", option, assignment));
    }
    const std::string name = assignment.substr(0, equals);
    if (!paths.try_emplace(name, assignment.substr(equals + 1)).second) {
      throw UsageError(fmt::format("{} names '{}' twice", option, name));
    }
  }
  return paths;
}

template <typename Named, typename GetName>
std::string listed(const Named& things, GetName name) {
  std::vector<std::string> names;
  for (const auto& thing : things) names.push_back(fmt::format("'{}'", name(thing)));
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

const graph::Function& chosen_function(const graph::Module& module, const Arguments& arguments) {
  const std::string names = listed(module.functions, [](const auto& function) { return function->name(); });
  if (arguments.function.empty()) {
    if (module.functions.size() == 1) return *module.functions[0];
    throw UsageError(fmt::format("--function is required; {} has {}", display_name(arguments.file), names));
  }
  const graph::Function* function = module.find_function(arguments.function);
  if (function == nullptr) {
    throw UsageError(fmt::format("{} has no function '{}'; it has {}", display_name(arguments.file),
                                 arguments.function, names));
  }
  return *function;
}

void check_names(const Paths& paths, const std::vector<runtime::TensorSpec>& specs, std::string_view what) {
  for (const auto& [name, path] : paths) {
    const bool known =
        std::any_of(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
    if (known) continue;
    throw RuntimeError(fmt::format("no {0} is called '{1}'; {0}s: {2}", what, name,
                                   listed(specs, [](const auto& spec) { return spec.name; })));
  }
}

runtime::HostTensor read_tensor(const std::string& path, const runtime::TensorSpec& spec,
                                std::string_view what) {
  runtime::HostTensor tensor = runtime::read_npy(path);
  if (tensor.dtype() != spec.dtype || tensor.shape() != spec.shape) {
    throw RuntimeError(fmt::format("{} '{}' is {}, {} holds {}", what, spec.name,
                                   runtime::to_string(spec.dtype, spec.shape), path,
                                   runtime::to_string(tensor.dtype(), tensor.shape())));
  }
  return tensor;
}

std::vector<runtime::HostTensor> read_inputs(const Paths& paths,
                                             const std::vector<runtime::TensorSpec>& specs) {
  check_names(paths, specs, "input");
  std::vector<runtime::HostTensor> inputs;
  for (const runtime::TensorSpec& spec : specs) {
    const auto it = paths.find(spec.name);
    if (it == paths.end()) {
      throw RuntimeError(fmt::format("input '{}' ({}) is missing: --input {}=FILE.npy", spec.name,
                                     runtime::to_string(spec.dtype, spec.shape), spec.name));
    }
    inputs.push_back(read_tensor(it->second, spec, "input"));
  }
  return inputs;
}

void read_states(const Paths& paths, runtime::StateStore& state) {
  check_names(paths, state.specs(), "state");
  for (const runtime::TensorSpec& spec : state.specs()) {
    const auto it = paths.find(spec.name);
    if (it != paths.end()) state.set(spec.name, read_tensor(it->second, spec, "state"));
  }
}

void check_distinct(const std::vector<runtime::TensorSpec>& outputs, const std::set<std::string>& written) {
  for (const runtime::TensorSpec& output : outputs) {
    if (!written.contains(output.name)) continue;
    throw RuntimeError(
        fmt::format("'{0}' is an output and a state that is written: both would be {0}.npy", output.name));
  }
}

std::filesystem::path made_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw RuntimeError(fmt::format("cannot make the directory {}: {}", path, error.message()));
  return path;
}

void check(const Arguments& arguments) {
  const graph::Module module = graph::parse(read_text(arguments.file), display_name(arguments.file));
  const graph::Function& function = chosen_function(module, arguments);
  const auto device = backends::open_device(arguments.device, arguments.threads, arguments.target);
  const CheckResult result = check_function(module, function.name(), *device);
  if (!result.disagreement.empty()) throw RuntimeError(result.disagreement);
  fmt::print("{}: {} kernels and the whole agree with the reference on {}\n", function.name(), result.kernels,
             arguments.device);
}

void run(const Arguments& arguments) {
  if (arguments.check) return check(arguments);
  if (arguments.output_dir.empty()) throw UsageError("--output-dir is required");
  const Paths inputs_paths = parse_paths(arguments.inputs, "--input");
  const Paths state_paths = parse_paths(arguments.states, "--state");
  const graph::Module module = graph::parse(read_text(arguments.file), display_name(arguments.file));
  const graph::Function& function = chosen_function(module, arguments);
  const auto device = backends::open_device(arguments.device, arguments.threads, arguments.target);
  passes::Options options;
  options.check_numerics = arguments.check_numerics;
  if (arguments.strict) require_strict(module, function.name(), *device, options);
  const auto executable =
      bundled(module,
              {.function = function.name(),
               .device = arguments.device,
               .target = arguments.target,
               .threads = arguments.threads,
               .options = options},
              [&] { return compile_function(module, function.name(), *device, options); });
  const std::set<std::string> written = graph::states_touched(module, function, graph::OpCode::write);
  check_distinct(executable->outputs(), written);

  if (!arguments.trace.empty()) runtime::check_writable(arguments.trace);
  const std::vector<runtime::HostTensor> inputs = read_inputs(inputs_paths, executable->inputs());
  const auto state = device->make_state(module.states);
  read_states(state_paths, *state);
  std::vector<const void*> input_memory;
  for (const runtime::HostTensor& input : inputs) input_memory.push_back(input.raw());
  std::vector<runtime::HostTensor> outputs;
  std::vector<void*> output_memory;
  for (const runtime::TensorSpec& spec : executable->outputs()) {
    output_memory.push_back(outputs.emplace_back(spec.dtype, spec.shape).raw());
  }
  const auto context = executable->make_context();
  runtime::Profile profile;
  const bool profiled = arguments.profile || !arguments.trace.empty();
  try {
    executable->run(*context, *state,
                    {.inputs = input_memory,
                     .outputs = output_memory,
                     .seed = arguments.seed,
                     .step = arguments.step,
                     .profile = profiled ? &profile : nullptr});
  } catch (const NotFinite& fault) {
    if (!arguments.check_numerics) throw;
    throw RuntimeError(numerics_report(
        module, function.name(), {inputs, *state, arguments.seed, arguments.step}, "step", fault.what()));
  }
  if (arguments.profile) fmt::print("{}", profile.table());

  std::map<std::string, runtime::HostTensor> results;
  for (size_t i = 0; i < outputs.size(); ++i) results[executable->outputs()[i].name] = outputs[i];
  for (const std::string& name : written) results[name] = state->get(name);
  const std::filesystem::path directory = made_directory(arguments.output_dir);
  const auto file = [&](const std::string& name) { return (directory / (name + ".npy")).string(); };
  for (const auto& [name, tensor] : results) runtime::check_writable(file(name));
  for (const auto& [name, tensor] : results) runtime::write_npy(file(name), tensor);
  if (!arguments.trace.empty()) runtime::write_file_atomically(arguments.trace, profile.trace());
}

}  // namespace
}  // namespace sinter::tools

int main(int argc, char** argv) {
  using sinter::tools::whole_number;
  sinter::tools::Arguments arguments;
  CLI::App app("Runs one function of a graph in text form once, on tensors from .npy files.", "sinter-run");
  app.add_flag_callback(
      "--list-devices",
      [] {
        for (const auto* backend : sinter::backends::all_backends()) {
          for (const std::string& line : backend->devices()) fmt::print("{}\n", line);
        }
        throw CLI::Success();
      },
      "print the devices of this machine");
  app.add_option("FILE", arguments.file, "the graph; - is the standard input")->required();
  app.add_option("--device", arguments.device, "reference, cpu or another backend")->required();
  app.add_option("--target", arguments.target, "what the cpu device compiles for: native, x86-64-v3, ...")
      ->capture_default_str();
  app.add_option("--function", arguments.function, "the function to run, where there are several");
  CLI::Option* check = app.add_flag(
      "--check", arguments.check,
      "do not run it, but hold its kernels, and then all of it, against the reference on random inputs");
  app.add_option("--input", arguments.inputs, "NAME=FILE.npy, for every parameter of the function")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->excludes(check);
  app.add_option("--state", arguments.states, "NAME=FILE.npy; state that is not given is zero")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->excludes(check);
  app.add_option("--output-dir", arguments.output_dir, "where outputs and written state go, as NAME.npy")
      ->excludes(check);
  app.add_option("--seed", arguments.seed, "of the random numbers")
      ->check(sinter::tools::seed())
      ->excludes(check);
  app.add_option("--step", arguments.step, "of the random numbers")
      ->check(whole_number<uint32_t>(0, UINT32_MAX))
      ->excludes(check);
  app.add_flag("--check-numerics", arguments.check_numerics,
               "fail with the first op that gives a NaN or infinity which comes into a result")
      ->excludes(check);
  app.add_flag("--strict", arguments.strict, "refuse what the device has no fast way to do")->excludes(check);
  app.add_flag("--profile", arguments.profile, "print how long each kernel took")->excludes(check);
  app.add_option("--trace", arguments.trace, "write when each kernel ran, for Perfetto, to this file")
      ->excludes(check);
  app.add_option("--threads", arguments.threads, "0: the cores that this process may use")
      ->check(whole_number(0, 1024));
  return sinter::tools::run_tool(app, argc, argv, [&] { sinter::tools::run(arguments); });
}
