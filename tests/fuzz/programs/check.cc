#include "tests/fuzz/programs/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "backends/cpu/compile/compile.h"
#include "backends/cpu/run/executable.h"
#include "backends/reference/interpreter.h"
#include "backends/registry/registry.h"
#include "backends/template/template.h"
#include "frontend/compile/compare.h"
#include "frontend/compile/driver.h"
#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "ir/graph/widen.h"
#include "passes/base/dead_code.h"
#include "passes/differentiate/differentiate.h"
#include "passes/inline_calls/inline_calls.h"
#include "runtime/error.h"

namespace sinter::fuzz {
namespace {

using graph::Function;
using graph::Module;
using runtime::HostTensor;
using Tensors = std::vector<HostTensor>;

constexpr int kInputs = 3;             // sets of them
constexpr int kThreads[] = {1, 2, 7};  // that work at once, whatever the machine has
// Small programs fill no large GPU: with few multiprocessors they have what large ones have on many.
constexpr std::pair<const char*, int64_t> kLoops[] = {{"h200", 1}, {"rx7900", 96}, {"arc", 4}, {"least", 2}};
constexpr uint64_t kSeed = 5;
constexpr uint32_t kStep = 3;

// Where a program fails in any way, so does the check.
template <typename Action>
std::string caught(std::string_view where, Action&& action) {
  std::string text;
  try {
    text = action();
  } catch (const std::exception& error) {
    text = fmt::format("throws: {}", error.what());
  }
  return text.empty() ? "" : fmt::format("{}: {}", where, text);
}

// Of one call: outputs and then state, and which check failed, if one did.
struct Outcome {
  Tensors results;
  std::string failure;
};

Outcome run(const runtime::Executable& executable, const backends::Device& device, const Module& module,
            const Tensors& inputs) {
  Outcome outcome;
  Tensors& results = outcome.results;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const HostTensor& input : inputs) in.push_back(input.raw());
  for (const auto& spec : executable.outputs())
    out.push_back(results.emplace_back(spec.dtype, spec.shape).raw());
  const auto context = executable.make_context();
  const auto state = device.make_state(module.states);
  try {
    executable.run(*context, *state, {in, out, kSeed, kStep});
  } catch (const RuntimeError& error) {
    return {{}, error.what()};
  }
  for (const graph::State& each : module.states) results.push_back(state->get(each.name));
  return outcome;
}

std::string bits_difference(const Outcome& a, const Outcome& b) {
  if (a.failure != b.failure) return fmt::format("fails with '{}', not '{}'", b.failure, a.failure);
  for (size_t i = 0; i < a.results.size(); ++i) {
    if (std::memcmp(a.results[i].raw(), b.results[i].raw(), a.results[i].bytes()) != 0)
      return fmt::format("output {} has other bits", i);
  }
  return "";
}

// In f64, where rounding hardly shows; nothing where a check fails.
std::optional<Tensors> wide_results(const Module& module) {
  const Module wide = passes::differentiated(graph::widen(module));
  const Function& function = *wide.find_function(kFunction);
  runtime::HostState state(backends::to_specs(wide.states));
  try {
    Tensors results = reference::evaluate(wide, function, inputs_for(function, 1), {&state, kSeed, kStep});
    for (const graph::State& each : wide.states) results.push_back(state.get(each.name));
    return results;
  } catch (const RuntimeError&) {
    return std::nullopt;
  }
}

std::string close_difference(const HostTensor& a, const HostTensor& b) {
  if (a.dtype() != runtime::DType::f64) {
    return a.size() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0 ? "" : "has other elements";
  }
  const auto x = a.values<double>(), y = b.values<double>();
  double most = 1;
  for (const double each : x) {
    if (std::isfinite(each)) most = std::max(most, std::fabs(each));
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const bool same =
        x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i])) || std::fabs(x[i] - y[i]) <= 1e-8 * most;
    if (!same) return fmt::format("at {} is {}, rewritten {}", i, x[i], y[i]);
  }
  return "";
}

std::string rewriting_difference(const Program& program) {
  const auto before = wide_results(program.module), after = wide_results(program.rewritten);
  if (!before || !after) return before || after ? "a check fails in one of them" : "";
  for (size_t i = 0; i < before->size(); ++i) {
    const std::string text = close_difference((*before)[i], (*after)[i]);
    if (!text.empty()) return fmt::format("output {} {}", i, text);
  }
  return "";
}

std::string text_difference(const Module& module) {
  graph::verify(module);
  const std::string text = graph::print(module);
  return graph::print(graph::parse(text)) == text ? "" : "the text reads back as another program";
}

}  // namespace

Checker::Checker(const Where& where)
    : cpu_(backends::open_device("cpu", 2)), cache_(runtime::user_cache_folder()) {
  if (where.vulkan) gpus_.emplace_back("vulkan", backends::open_device("vulkan"));
  if (where.loops) {
    compiled_for_ = backends::open_device("vulkan", 0, "h200");
    for (const auto& [name, multiprocessors] : kLoops) {
      loop::Target target = backends::open_device("vulkan", 0, name)->target();
      target.multiprocessors = multiprocessors;
      gpus_.emplace_back(name, std::make_unique<skeleton::Device>(target));
    }
  }
  for (size_t i = 0; i < std::size(kThreads); ++i)
    pools_[i] = std::make_shared<runtime::ThreadPool>(kThreads[i], kThreads[i]);
}

std::string Checker::on_cpu(const Module& module, const Module& expanded, const passes::Options& options) {
  const Function& function = *expanded.find_function(kFunction);
  const cpu::Image image =
      cpu::compile(lower_function(module, kFunction, *cpu_, options), cpu::host(), cache_);
  std::vector<std::unique_ptr<runtime::Executable>> executables;
  for (const auto& pool : pools_) executables.push_back(cpu::make_executable(image, pool));
  for (int which = 0; which < kInputs; ++which) {
    const Tensors inputs = inputs_for(function, which);
    const std::string text = difference_from_reference(expanded, function, *cpu_, *executables[0], inputs);
    if (!text.empty()) return fmt::format("inputs {}: {}", which, text);
    const Outcome alone = run(*executables[0], *cpu_, module, inputs);
    for (size_t i = 1; i < executables.size(); ++i) {
      const std::string other = bits_difference(alone, run(*executables[i], *cpu_, module, inputs));
      if (!other.empty()) return fmt::format("inputs {}, {} threads: {}", which, kThreads[i], other);
    }
  }
  return "";
}

std::string Checker::shaders(const Module& module) {
  function_text(module, kFunction, *compiled_for_, "spirv");
  return "";
}

std::string Checker::on_gpu(const Module& module, const Module& expanded, const backends::Device& gpu) {
  const Function& function = *expanded.find_function(kFunction);
  std::unique_ptr<runtime::Executable> executable;
  try {
    executable = compile_function(module, kFunction, gpu, {.verify = true});
  } catch (const GraphError& error) {
    if (!std::string_view(error.what()).starts_with("the device does not have ")) throw;
    ++refused_;
    return "";
  }
  for (int which = 0; which < kInputs; ++which) {
    const std::string text =
        difference_from_reference(expanded, function, gpu, *executable, inputs_for(function, which));
    if (!text.empty()) return fmt::format("inputs {}: {}", which, text);
  }
  return "";
}

std::string Checker::fault(const Module& module) {
  std::string text = caught("text", [&] { return text_difference(module); });
  if (!text.empty()) return text;
  Module expanded;
  text = caught("differentiate", [&] {
    expanded = passes::differentiated(module);
    // An index of what nothing reads need not be checked.
    passes::inline_calls(expanded, {"all"});
    const passes::Effects effects = passes::functions_with_effects(expanded);
    for (const auto& each : expanded.functions) passes::remove_dead_code(*each, effects);
    return "";
  });
  if (!text.empty()) return text;
  text = caught("cpu, fused", [&] { return on_cpu(module, expanded, {}); });
  if (text.empty())
    text = caught("cpu, not fused", [&] { return on_cpu(module, expanded, {.fuse = false}); });
  if (text.empty() && compiled_for_) text = caught("h200, shaders", [&] { return shaders(module); });
  for (const auto& [name, gpu] : gpus_) {
    if (text.empty()) text = caught(name, [&] { return on_gpu(module, expanded, *gpu); });
  }
  return text;
}

std::string Checker::fault(const Program& program) {
  std::string text = caught("rewriting", [&] { return rewriting_difference(program); });
  return text.empty() ? fault(program.rewritten) : text;
}

}  // namespace sinter::fuzz
