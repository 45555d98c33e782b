#include "frontend/program/program_state.h"

#include <array>
#include <optional>

#include "backends/registry/registry.h"
#include "frontend/base/names.h"
#include "frontend/base/tensor_info.h"
#include "frontend/compile/numerics.h"
#include "frontend/compile/strict.h"
#include "frontend/program/ranks.h"
#include "frontend/trace/binding.h"
#include "ir/graph/callees.h"
#include "ir/graph/verify.h"
#include "passes/split_batch/split_batch.h"
#include "runtime/thread_pool.h"

namespace sinter {
namespace {

constexpr int kMostThreads = 1024;

// A function is traced when it is compiled, so that its mistakes show and its state is known. Dims that have
// no size then get the first of these with which that can be done.
constexpr std::array<int64_t, 11> kTrialSizes = {2, 1, 4, 8, 16, 32, 64, 12, 60, 224, 240};

}  // namespace

ProgramState::Added& ProgramState::find(std::string_view name) {
  std::vector<std::string> names;
  for (Added& function : added) {
    if (function.name == name) return function;
    names.push_back(function.name);
  }
  throw Error(fmt::format("no function is called '{}'; functions are {}", name, quoted_list(names)));
}

void ProgramState::check_compiled(std::string_view what) const {
  if (!compiled) throw Error(fmt::format("{}: compile the program first", what));
}

const Variant& ProgramState::usual(const std::string& name) {
  check_compiled(name);
  return find(name).links.front().variant;
}

std::vector<std::string> ProgramState::untrained(const std::string& function) {
  std::set<std::string> trained;
  bool trains = false;
  for (const Added& other : added) {
    const Training& training = other.links.front().variant.training();
    trained.insert(training.assigned.begin(), training.assigned.end());
    trains = trains || !training.depends.empty();
  }
  std::vector<std::string> left = usual(function).training().read;
  std::erase_if(left, [&](const std::string& path) { return !trains || trained.contains(path); });
  return left;
}

void ProgramState::check_sizes(const Ranges& ranges) const {
  ranges.require(options.threads >= 0 && options.threads <= kMostThreads, "threads",
                 fmt::format("in [0,{}]", kMostThreads), options.threads);
  for (const auto& [dim, size] : options.dims) ranges.at_least(0, fmt::format("'{}'", dim.name), size);
}

void ProgramState::check_dims(const Ranges& ranges) const {
  for (const auto& [dim, size] : options.dims) {
    const auto has = [&](const Added& function) { return has_dim(function.inputs, dim); };
    if (!bound_dims_.contains(dim) && std::none_of(added.begin(), added.end(), has)) {
      ranges.fail(fmt::format("no input has a '{}'", dim.name));
    }
  }
}

void ProgramState::compile(const CompileOptions& given, const std::source_location& where) {
  if (compiled) throw Error("compile: the program is compiled already");
  if (added.empty()) throw Error("compile: the program has no function");
  options = given;
  attempt_ = {
      .device = options.device, .target = options.target, .threads = options.threads, .options = switches()};
  const Ranges ranges("compile", where);
  check_sizes(ranges);
  ranges.require(ranks() == 1 || !options.check_numerics, "check_numerics",
                 "false where several ranks share steps; a process alone comes to the same", "true");
  ranges.require(options.fuse || !options.strict, "fuse", "true where strict is", "false");
  try {
    device = translated([&] {
      return backends::open_device(options.device, options.threads, options.target,
                                   ranks_of(options.communicator));
    });
    bool is_written = false;
    for (Added& function : added) is_written = trace_first(function).writes_state() || is_written;
    check_dims(ranges);
    if (ranks() > 1) {
      agree();
      shard();
    }
    for (Added& function : added) function.links.front().variant.settle(table.states());
    for (Added& function : added) {
      const Variant& variant = function.links.front().variant;
      check_strict(variant.graph(), variant.name());
    }
    auto store = translated([&] { return device->make_state(kept_states()); });
    runtime::ThreadPool threads(options.threads);
    for (const StateEntry& entry : table.entries()) {
      if (!keeps(entry.name) || entry.initializer.is_zero()) continue;  // zeros are there when it is made
      const Array initial =
          entry.initializer.make(entry.name, entry.dtype, entry.shape, options.seed, threads);
      translated([&] { store->set(entry.name, initial.host()); });
    }
    shared.begin(std::move(store), options.seed, is_written);
  } catch (...) {
    for (Added& function : added) {
      function.newest = nullptr;
      function.links.clear();
      function.parts.clear();
      function.session_dims.clear();
      function.session_state.clear();
    }
    table.truncate(0, 0);
    owners_.clear();
    throw;
  }
  table.seal();
  compiled = true;
}

Variant& ProgramState::trace_first(Added& function) {
  std::optional<Error> first;
  for (int64_t size : kTrialSizes) {
    DimSizes free;
    std::string what;
    for (const Input& input : function.inputs) {
      for (const Extent& extent : input.shape) {
        if (!extent.dim() || options.dims.contains(*extent.dim())) continue;
        const bool is_cut =
            function.options.micro_batches > 1 && *extent.dim() == *leading_dim(function.inputs);
        const int64_t tried = is_cut ? size * function.options.micro_batches : size;
        if (free.emplace(*extent.dim(), tried).second)
          what += fmt::format(" {} = {},", extent.dim()->name, tried);
      }
    }
    const size_t states = table.entries().size(), session_states = table.session_entries().size();
    try {
      return trace(function, bind(function, free), size);
    } catch (const Error& error) {
      if (error.kind() == Error::Kind::internal || (free.empty() && function.session_dims.empty())) throw;
      if (!first) {
        for (const auto& [dim, tried] : function.session_dims) {
          if (!free.contains(dim)) what += fmt::format(" {} = {},", dim.name, tried);
        }
        first = Error(fmt::format("{}; tried with{} as compile was given no size", error.what(), what));
      }
    }
    table.truncate(states, session_states);
  }
  throw *first;
}

DimSizes ProgramState::bind(const Added& function, const DimSizes& dims) const {
  DimSizes sizes = dims;
  for (const Input& input : function.inputs) {
    for (const Extent& extent : input.shape) {
      if (!extent.dim() || sizes.contains(*extent.dim())) continue;
      const auto usual = options.dims.find(*extent.dim());
      if (usual == options.dims.end()) {
        throw Error(fmt::format(
            "{0}: '{1}' of input '{2}' has no size; give one to compile or function: {{{{\"{1}\", 32}}}}",
            function.name, extent.dim()->name, input.name));
      }
      sizes.insert(*usual);
    }
  }
  return sizes;
}

DimSizes ProgramState::solve(const std::string& name, const Arrays& arrays, const DimSizes& dims) {
  check_compiled(name);
  const Added& function = find(name);
  check_names(name, function.inputs, arrays);
  DimSizes known = dims;
  known.insert(options.dims.begin(), options.dims.end());
  DimSizes solved = solve_dims(name, function.inputs, arrays, known);
  solved.insert(dims.begin(), dims.end());
  return solved;
}

Variant* ProgramState::known(const Added& function, const DimSizes& sizes) {
  for (Link* link = function.newest.load(std::memory_order_acquire); link != nullptr; link = link->next) {
    if (link->variant.sizes() == sizes) return &link->variant;
  }
  return nullptr;
}

Variant& ProgramState::variant(const std::string& name, const DimSizes& dims) {
  check_compiled(name);
  Added& function = find(name);
  if (!function.session_state.empty()) {
    throw Error(
        fmt::format("{0}: uses '{1}', which each session has its own of: program.session().function(\"{0}\")",
                    name, function.session_state));
  }
  return variant_of(function, bind(function, dims));
}

Variant& ProgramState::variant(const std::string& name, const DimSizes& dims, const DimSizes& session) {
  check_compiled(name);
  Added& function = find(name);
  DimSizes sizes = dims;
  for (const auto& [dim, size] : session) {
    if (!function.session_dims.contains(dim) && !has_dim(function.inputs, dim)) continue;
    const auto [given, is_new] = sizes.emplace(dim, size);
    if (is_new || given->second == size) continue;
    throw Error(fmt::format("{}: '{}' is {} in this session, got {}", name, dim.name, size, given->second));
  }
  return variant_of(function, bind(function, sizes));
}

Variant& ProgramState::variant_of(Added& function, const DimSizes& sizes) {
  if (Variant* found = known(function, sizes)) return *found;
  // Models and optimisers, which a body may change, are for one thread at a time.
  const std::lock_guard<std::mutex> lock(trace_mutex_);
  if (Variant* found = known(function, sizes)) return *found;
  return trace(function, sizes);
}

void ProgramState::build_body(const Added& function, Trace& trace, const DimSizes& sizes) {
  std::map<std::string, Tensor> tensors;
  for (const Input& input : function.inputs) {
    tensors[input.name] = trace.parameter(input.name, input.dtype, bind_shape(function.name, input, sizes));
  }
  trace.finish(function.body(Inputs(function.name, std::move(tensors))));
}

void ProgramState::agree() {
  std::map<std::string, uint64_t> facts = {{"seed", options.seed},
                                           {"device '" + options.device + "'", options.fuse ? 1 : 0}};
  for (const Added& function : added) {
    const Variant& variant = function.links.front().variant;
    const int64_t parts = function.options.micro_batches;
    if (parts < ranks() && (parts > 1 || !variant.training().depends.empty()) && variant.writes_state()) {
      throw Error(
          fmt::format("{}: {} ranks share its micro-batches, and micro_batches is {}; make it {} or more",
                      function.name, ranks(), parts, ranks()));
    }
    facts[fmt::format("function '{}'", function.name)] = variant.identity();
  }
  check_agreement(*options.communicator, "compile", facts);
}

void ProgramState::shard() {
  // What one function leaves of its own states to other ranks, no other function touches.
  for (Added& function : added) {
    Variant& variant = function.links.front().variant;
    if (variant.identity() != 0)
      translated([&] { owners_.merge(variant.shard(sharding_of(function, variant.name()))); });
  }
}

passes::Sharding ProgramState::sharding_of(const Added& function, const std::string& name) const {
  passes::Sharding sharding{.of = name, .rank = options.communicator->rank(), .ranks = ranks()};
  for (const Added& other : added) {
    if (&other == &function) continue;
    const Variant& variant = other.links.front().variant;
    const graph::Module& module = variant.graph();
    for (const graph::OpCode code : {graph::OpCode::read, graph::OpCode::write})
      sharding.shared.merge(graph::states_touched(module, *module.find_function(variant.name()), code));
  }
  return sharding;
}

std::vector<graph::State> ProgramState::kept_states() const {
  std::vector<graph::State> states = table.states();
  for (graph::State& state : states) {
    if (!keeps(state.name)) state.type.shape = {0};
  }
  return states;
}

bool ProgramState::keeps(std::string_view state) const {
  const auto owner = owners_.find(state);
  return owner == owners_.end() || owner->second == options.communicator->rank();
}

uint64_t ProgramState::split_batch(const Added& function, const Trace& traced, graph::Module& module,
                                   const std::string& name, const DimSizes& sizes) {
  const int64_t parts = function.options.micro_batches;
  const bool is_shared = ranks() > 1 && traced.writes_state() && parts >= ranks();
  const uint64_t identity = is_shared ? identity_of(module) : 0;
  if (parts == 1) return identity;
  DimSizes of_part = sizes;
  auto& [batch, size] = *of_part.find(*leading_dim(function.inputs));
  if (size % parts != 0) {
    throw Error(fmt::format("{}: '{}' is {}, which micro_batches = {} does not divide", name, batch.name,
                            size, parts));
  }
  size /= parts;
  const std::string part = name + ".part";
  DimSizes all = of_part;
  all.insert(options.dims.begin(), options.dims.end());
  {
    Trace trace(module, table, part, function.options.training, std::move(all));
    build_body(function, trace, of_part);
  }
  translated([&] { graph::verify(module); });
  passes::BatchSplit split{.of = name, .part = part, .parts = parts};
  if (is_shared) {
    split.rank = options.communicator->rank();
    split.ranks = ranks();
  }
  translated([&] { passes::split_batch(module, split); });
  return identity;
}

Variant& ProgramState::trace(Added& function, const DimSizes& sizes, std::optional<int64_t> trial) {
  std::string name = function.name;
  for (const auto& [dim, size] : sizes) {
    const auto usual = options.dims.find(dim);
    if (usual == options.dims.end() || usual->second != size) name += fmt::format(".{}_{}", dim.name, size);
  }
  for (const auto& [path, alive] : function.parts) {
    if (!alive.expired()) continue;
    throw Error(fmt::format(
        "{}: '{}' is gone, which '{}' is made from; for sizes that are new it is made again, so models "
        "and optimisers must live as long as the program",
        name, path, function.name));
  }
  if (compiled) usual(function.name).training().check(name);
  graph::Module module;
  module.states = table.states();
  DimSizes all = sizes;
  all.insert(options.dims.begin(), options.dims.end());
  Trace trace(module, table, name, function.options.training, std::move(all));
  if (trial) trace.set_session_trial(*trial);
  uint64_t identity = 0;
  try {
    build_body(function, trace, sizes);
    identity = split_batch(function, trace, module, name, sizes);
  } catch (...) {
    if (trial) function.session_dims = trace.session_dims();
    throw;
  }
  if (trial) {
    function.session_dims = trace.session_dims();
    if (!trace.session_states().empty()) function.session_state = trace.session_states().front();
  }
  for (const auto& [dim, size] : sizes) {
    if (!trace.bound_dims().contains(dim) && !has_dim(function.inputs, dim)) {
      throw Error(fmt::format("{}: no input has a '{}'", function.name, dim.name));
    }
  }
  if (!compiled) bound_dims_.insert(trace.bound_dims().begin(), trace.bound_dims().end());
  translated([&] { graph::verify(module); });
  if (compiled && trace.writes_state() && !shared.is_written()) {
    throw Error(fmt::format("{}: writes state, which no function did when the program was compiled", name));
  }
  if (compiled && identity != 0) translated([&] { passes::shard(module, sharding_of(function, name)); });
  if (compiled) check_strict(module, name);
  function.parts = trace.parts();
  std::erase_if(function.parts, [](const auto& part) { return part.second.expired(); });  // the body's own
  DimSizes of_all = sizes;
  of_all.insert(trace.session_dims().begin(), trace.session_dims().end());
  Link& link =
      function.links.emplace_back(function.newest.load(std::memory_order_relaxed), name, of_all,
                                  std::move(module), trace.session_states(), trace.writes_state(),
                                  compiled ? usual(function.name).training() : trace.trains(), identity);
  function.newest.store(&link, std::memory_order_release);
  return link.variant;
}

void ProgramState::check_strict(const graph::Module& module, const std::string& name) const {
  if (options.strict) translated([&] { require_strict(module, name, *device, switches()); });
}

// Those of the compiler have the same names in the public options.
passes::Options ProgramState::switches() const {
  passes::Options result;
#define SINTER_SWITCH(type, name, ...) result.name = options.name;
  SINTER_SWITCHES(SINTER_SWITCH)
#undef SINTER_SWITCH
  return result;
}

Code& ProgramState::code_of(Variant& variant) const {
  return variant.code(*device, attempt_);
}

ProgramCallee ProgramState::callee(Variant& variant, std::shared_ptr<ProgramState> program) {
  return {*this, variant, std::move(program)};
}

ProgramCallee::ProgramCallee(ProgramState& of, Variant& variant, std::shared_ptr<ProgramState> program)
    : Callee(variant.name(), of.code_of(variant), of.shared, *of.device, variant.writes_state()),
      of_(&of),
      variant_(&variant),
      program_(std::move(program)) {}

bool ProgramCallee::checks_numerics() const {
  return of_->options.check_numerics;
}

std::string ProgramCallee::why_not_finite(const backends::RepeatedCall& call, std::string_view fault) const {
  return numerics_report(variant_->graph(), name(), call, writes_state() ? "step" : "call", fault);
}

const backends::Rows& ProgramCallee::rows() const {
  return of_->rows_of(*variant_);
}

}  // namespace sinter
