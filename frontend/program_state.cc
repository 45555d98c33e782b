#include "frontend/program_state.h"

#include "frontend/names.h"
#include "frontend/trace.h"
#include "ir/graph/verify.h"
#include "runtime/thread_pool.h"

namespace sinter {

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

void ProgramState::compile(const CompileOptions& given) {
  if (compiled) throw Error("compile: the program is compiled already");
  if (added.empty()) throw Error("compile: the program has no function");
  options = given;
  try {
    device = translated([&] { return backends::open_device(options.device, options.threads); });
    for (Added& function : added)
      is_written_ = trace(function, bind(function, {})).writes_state() || is_written_;
    store_ = translated([&] { return device->make_state(table.states()); });
    runtime::ThreadPool threads(options.threads);
    for (const StateEntry& entry : table.entries()) {
      const Array initial =
          entry.initializer.make(entry.name, entry.dtype, entry.shape, options.seed, threads);
      translated([&] { store_->set(entry.name, *initial.host()); });
    }
  } catch (...) {
    for (Added& function : added) {
      function.newest = nullptr;
      function.links.clear();
    }
    table.clear();
    is_written_ = false;
    throw;
  }
  table.seal();
  compiled = true;
}

DimSizes ProgramState::bind(const Added& function, const DimSizes& dims) const {
  DimSizes sizes;
  for (const Input& input : function.inputs) {
    for (const Extent& extent : input.shape) {
      if (extent.name().empty()) continue;
      const auto own = dims.find(extent.name());
      const auto general = options.dims.find(extent.name());
      if (own == dims.end() && general == options.dims.end()) {
        throw Error(
            fmt::format("{}: '{}' of input '{}' has no size; give compile {{.dims = {{{{\"{}\", 32}}}}}}",
                        function.name, extent.name(), input.name, extent.name()));
      }
      sizes[extent.name()] = own != dims.end() ? own->second : general->second;
    }
  }
  for (const auto& [name, size] : dims) {
    if (!sizes.contains(name)) throw Error(fmt::format("{}: no input has a '{}'", function.name, name));
  }
  return sizes;
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
  const DimSizes sizes = bind(function, dims);
  if (Variant* found = known(function, sizes)) return *found;
  // Models and optimisers, which a body may change, are for one thread at a time.
  const std::lock_guard<std::mutex> lock(trace_mutex_);
  if (Variant* found = known(function, sizes)) return *found;
  return trace(function, sizes);
}

Variant& ProgramState::trace(Added& function, const DimSizes& sizes) {
  std::string name = function.name;
  for (const auto& [dim, size] : sizes) {
    const auto usual = options.dims.find(dim);
    if (usual == options.dims.end() || usual->second != size) name += fmt::format(".{}_{}", dim, size);
  }
  graph::Module module;
  module.states = table.states();
  Trace trace(module, table, name, function.options.training);
  std::map<std::string, Tensor> tensors;
  for (const Input& input : function.inputs) {
    Shape shape;
    for (const Extent& extent : input.shape) {
      shape.push_back(extent.name().empty() ? extent.size() : sizes.at(extent.name()));
      if (shape.back() < 0) {
        throw Error(fmt::format("{}: input '{}' has a negative extent", name, input.name));
      }
    }
    tensors[input.name] = trace.parameter(input.name, input.dtype, shape);
  }
  trace.finish(function.body(Inputs(function.name, std::move(tensors))));
  translated([&] { graph::verify(module); });
  if (compiled && trace.writes_state() && !is_written_) {
    throw Error(fmt::format("{}: writes state, which no function did when the program was compiled", name));
  }
  Link& link = function.links.emplace_back(function.newest.load(std::memory_order_relaxed), name, sizes,
                                           std::move(module), trace.writes_state());
  function.newest.store(&link, std::memory_order_release);
  return link.variant;
}

Code& ProgramState::code_of(Variant& variant) const {
  passes::Options switches;
  switches.fuse = options.fuse;
  switches.verify = options.verify;
  return variant.code(*device, switches);
}

void ProgramState::run(const Variant& variant, const Code& code, runtime::Context& context,
                       runtime::Call call) {
  call.seed = options.seed;
  if (variant.writes_state()) {
    writing([&](runtime::StateStore&, std::atomic<uint32_t>& step) {
      call.step = step;
      execute(code, context, call);
      ++step;
    });
  } else {
    reading([&](const runtime::StateStore&, uint32_t step) {
      call.step = step;
      execute(code, context, call);
    });
  }
}

void ProgramState::execute(const Code& code, runtime::Context& context, const runtime::Call& call) {
  if (!is_profiled_) return code.executable->run(context, *store_, call);
  const std::lock_guard<std::mutex> lock(profile_mutex_);
  runtime::Call profiled = call;
  profiled.profile = profile_.get();
  code.executable->run(context, *store_, profiled);
}

void ProgramState::start_profile() {
  const std::lock_guard<std::mutex> lock(profile_mutex_);
  profile_ = std::make_unique<runtime::Profile>();
  is_profiled_ = true;
}

}  // namespace sinter
