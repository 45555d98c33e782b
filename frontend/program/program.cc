#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/program.h>

#include <algorithm>
#include <unordered_set>

#include "frontend/base/convert.h"
#include "frontend/base/names.h"
#include "frontend/base/state_file.h"
#include "frontend/base/tensor_info.h"
#include "frontend/base/translate.h"
#include "frontend/calls/function.h"
#include "frontend/compile/check.h"
#include "frontend/compile/driver.h"
#include "frontend/compile/library.h"
#include "frontend/program/program_state.h"
#include "frontend/program/ranks.h"
#include "frontend/trace/binding.h"
#include "ir/graph/text/text.h"
#include "passes/explain/explain.h"
#include "passes/explain/fallbacks.h"
#include "runtime/file.h"
#include "runtime/safetensors.h"

namespace sinter {
Inputs::Inputs(std::string function, std::map<std::string, Tensor> tensors)
    : function_(std::move(function)), tensors_(std::move(tensors)) {}

const Tensor& Inputs::operator[](const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, tensor] : tensors_) names.push_back(known);
  throw Error(fmt::format("{}: no input is called '{}'; inputs are {}", function_, name, quoted_list(names)));
}

Program::Program() : state_(std::make_shared<ProgramState>()) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

void Program::add(const std::string& name, std::vector<Input> inputs, Body body, FunctionOptions options) {
  if (state_->compiled) throw Error(fmt::format("{}: functions are added before compile", name));
  check_name("a function", name);
  for (const auto& function : state_->added) {
    if (function.name == name) throw Error(fmt::format("two functions are called '{}'", name));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    check_name("an input", inputs[i].name);
    for (size_t j = 0; j < i; ++j) {
      if (inputs[i].name == inputs[j].name) {
        throw Error(fmt::format("{}: two inputs are called '{}'", name, inputs[i].name));
      }
    }
  }
  if (options.micro_batches < 1) {
    throw Error(fmt::format("{}: micro_batches is at least 1, got {}", name, options.micro_batches));
  }
  if (options.micro_batches > 1 && leading_dim(inputs) == nullptr) {
    throw Error(fmt::format(
        "{}: micro_batches cuts the Dim that leads an input, and no input begins with one", name));
  }
  state_->added.emplace_back(name, std::move(inputs), std::move(body), options);
}

void Program::compile(const CompileOptions& options, std::source_location where) {
  state_->compile(options, where);
}

Function Program::function(const std::string& name, const DimSizes& dims) {
  auto callee = std::make_shared<ProgramCallee>(state_->callee(state_->variant(name, dims), state_));
  return Function(std::make_unique<Function::State>(std::move(callee)));
}

Arrays Program::run(const std::string& name, const Arrays& inputs, const DimSizes& dims) {
  return state_->callee(state_->variant(name, state_->solve(name, inputs, dims))).call(inputs);
}

Array Program::upload(const Array& array) const {
  state_->check_compiled("upload");
  if (!array.defined()) throw Error("upload: the array is undefined");
  return bring_to(*state_->device, array);
}

std::vector<std::string> Program::functions() const {
  std::vector<std::string> names;
  for (const auto& function : state_->added) names.push_back(function.name);
  return names;
}

std::vector<TensorInfo> Program::states() const {
  state_->check_compiled("states");
  std::vector<TensorInfo> infos;
  for (const StateEntry& entry : state_->table.entries()) {
    infos.push_back({entry.name, entry.dtype, entry.shape, entry.trainable});
  }
  return infos;
}

Array Program::state(std::string_view name) const {
  state_->check_compiled("state");
  if (!state_->keeps(name))
    throw Error(fmt::format("state '{}' is kept by rank {}; snapshot() has that of all ranks", name,
                            state_->owners().find(name)->second));
  return state_->shared.reading(
      [&](const runtime::StateStore& store, uint32_t) { return Array(store.get(name)); });
}

Snapshot Program::snapshot() const {
  state_->check_compiled("snapshot");
  return state_->shared.reading([&](const runtime::StateStore& store, uint32_t step) {
    Snapshot snapshot{{}, step, state_->options.seed};
    for (const StateEntry& entry : state_->table.entries()) {
      if (state_->keeps(entry.name)) snapshot.states[entry.name] = Array(store.get(entry.name));
    }
    if (state_->ranks() > 1)
      gather_states(*state_->options.communicator, state_->owners(), state_->table.entries(), snapshot);
    return snapshot;
  });
}

void Program::set_state(std::string_view name, const Array& value) {
  state_->check_compiled("set_state");
  if (!value.defined()) throw Error(fmt::format("state '{}': the array is undefined", name));
  state_->shared.writing([&](runtime::StateStore& store, auto&) {
    if (state_->keeps(name)) store.set(name, value.host());
  });
}

uint32_t Program::step() const {
  return state_->shared.step();
}
void Program::set_step(uint32_t step) {
  state_->check_compiled("set_step");
  state_->shared.writing([&](runtime::StateStore&, auto& now) { now = step; });
}

void Snapshot::save(const std::string& path, const std::map<std::string, std::string>& metadata) const {
  runtime::SafetensorsFile file;
  for (const auto& [name, array] : states) file.tensors.emplace(name, array.host());
  file.metadata = state_metadata(seed, step);
  for (const auto& [key, text] : metadata) {
    if (!file.metadata.emplace(key, text).second) {
      throw Error(fmt::format("cannot write {}: '{}' of the metadata is its own", path, key));
    }
  }
  translated([&] { runtime::write_safetensors(path, file, runtime::SafetensorsOrder::by_line); });
}

void Program::save(const std::string& path) const {
  state_->check_compiled("save");
  const Snapshot now = snapshot();
  if (state_->options.communicator == nullptr) return now.save(path);
  by_first_rank(*state_->options.communicator, "save", [&] { now.save(path); });
}

const std::shared_ptr<Communicator>& Program::communicator() const {
  return state_->options.communicator;
}

CheckReport Program::check() const {
  if (state_->ranks() > 1) {
    throw Error(
        fmt::format("check: this is rank {} of {}, whose part of a step is nothing by itself; compile "
                    "without a communicator",
                    state_->options.communicator->rank(), state_->ranks()));
  }
  CheckReport report;
  for (const auto& function : state_->added) {
    const Variant& variant = state_->usual(function.name);
    passes::Options options = state_->switches();
    options.check_numerics = false;  // of random inputs
    const CheckResult result =
        translated([&] { return check_function(variant.graph(), variant.name(), *state_->device, options); });
    report.kernels += result.kernels;
    report.disagreement = result.disagreement;
    if (!report.disagreement.empty()) break;
  }
  return report;
}

void Program::start_profile() {
  state_->shared.start_profile();
}

std::string Program::profile() const {
  return state_->shared.with_profile("profile",
                                     [](const runtime::Profile& profile) { return profile.table(); });
}

void Program::save_trace(const std::string& path) const {
  const std::string trace = state_->shared.with_profile(
      "save_trace", [](const runtime::Profile& profile) { return profile.trace(); });
  translated([&] { runtime::write_file_atomically(path, trace); });
}

std::string Program::text(const std::string& name, bool locations) const {
  graph::Module shown = graph::clone(state_->usual(name).graph());
  std::unordered_set<std::string> used;
  for (const auto& function : shown.functions) {
    for (const auto& op : function->ops()) {
      if (op->attributes.has("state")) used.insert(op->attributes.text("state"));
    }
  }
  std::erase_if(shown.states, [&](const graph::State& state) { return !used.contains(state.name); });
  return graph::print(shown, {.locations = locations});
}

namespace {

loop::Program lowered(ProgramState& state, const std::string& name) {
  const Variant& variant = state.usual(name);
  return translated(
      [&] { return lower_function(variant.graph(), variant.name(), *state.device, state.switches()); });
}

}  // namespace

std::string Program::explain(const std::string& name) const {
  const std::vector<std::string> left = state_->untrained(name);
  const loop::Program program = lowered(*state_, name);
  std::string text = passes::explain(program) + explain_ranks(program);
  const Variant& variant = state_->usual(name);
  for (const std::string& each : translated([&] {
         return passes::fallbacks(variant.graph(), variant.name(), state_->device->target(),
                                  state_->switches());
       })) {
    text += fmt::format("falls back: {}\n", each);
  }
  return text +
         (left.empty() ? "" : fmt::format("no optimiser was given the trainable {}\n", quoted_list(left)));
}

std::string Program::memory(const std::string& name) const {
  return passes::explain_memory(lowered(*state_, name));
}

}  // namespace sinter
