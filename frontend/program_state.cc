#include "frontend/program_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sinter/error.h>

#include <stdexcept>

#include "frontend/compile/driver.h"
#include "frontend/trace.h"
#include "frontend/translate.h"
#include "ir/graph/verify.h"
#include "runtime/thread_pool.h"

namespace sinter {

std::string quoted_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back(fmt::format("'{}'", name));
  return fmt::format("{}", fmt::join(quoted, ", "));
}

const ProgramState::Added& ProgramState::find(std::string_view name) const {
  std::vector<std::string> names;
  for (const Added& function : added) {
    if (function.name == name) return function;
    names.push_back(function.name);
  }
  throw Error(fmt::format("no function is called '{}'; functions are {}", name, quoted_list(names)));
}

void ProgramState::check_compiled(std::string_view what) const {
  if (!compiled) throw Error(fmt::format("{}: compile the program first", what));
}

void ProgramState::check_profiled(std::string_view what) const {
  if (profile == nullptr) throw Error(fmt::format("{}: start the profile first", what));
}

const ProgramState::Variant& ProgramState::traced(const std::string& name) const {
  check_compiled(name);
  return variants.at(find(name).name);
}

void ProgramState::compile(const CompileOptions& given) {
  if (compiled) throw Error("compile: the program is compiled already");
  if (added.empty()) throw Error("compile: the program has no function");
  options = given;
  try {
    device = translated([&] { return backends::open_device(options.device, options.threads); });
    for (const Added& function : added) trace(function, {});
    store = translated([&] { return device->make_state(module.states); });
    runtime::ThreadPool threads(options.threads);
    for (const StateEntry& entry : table.entries()) {
      const Array initial =
          entry.initializer.make(entry.name, entry.dtype, entry.shape, options.seed, threads);
      translated([&] { store->set(entry.name, *initial.host()); });
    }
  } catch (...) {
    variants.clear();
    module.functions.clear();
    table.truncate(0);
    throw;
  }
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

ProgramState::Variant& ProgramState::trace(const Added& function, const DimSizes& dims) {
  const DimSizes sizes = bind(function, dims);
  std::string name = function.name;
  for (const auto& [dim, size] : sizes) {
    const auto usual = options.dims.find(dim);
    if (usual == options.dims.end() || usual->second != size) name += fmt::format(".{}_{}", dim, size);
  }
  const auto known = variants.find(name);
  if (known != variants.end()) return known->second;

  const size_t functions_before = module.functions.size(), states_before = table.entries().size();
  Variant variant;
  variant.name = name;
  try {
    trace_into(function, sizes, variant);
    translated([&] { graph::verify(module); });
    if (compiled && table.entries().size() != states_before) {
      throw Error(fmt::format("{}: uses state '{}', which no function had when the program was compiled",
                              name, table.entries().back().name));
    }
  } catch (...) {
    module.functions.resize(functions_before);
    table.truncate(states_before);
    throw;
  }
  return variants.emplace(name, std::move(variant)).first->second;
}

void ProgramState::trace_into(const Added& function, const DimSizes& sizes, Variant& variant) {
  Trace trace(module, table, variant.name, function.options.training);
  std::map<std::string, Tensor> tensors;
  for (const Input& input : function.inputs) {
    TensorInfo info{input.name, input.dtype, {}, false};
    for (const Extent& extent : input.shape) {
      info.shape.push_back(extent.name().empty() ? extent.size() : sizes.at(extent.name()));
      if (info.shape.back() < 0) {
        throw Error(fmt::format("{}: input '{}' has a negative extent", variant.name, input.name));
      }
    }
    tensors[input.name] = trace.parameter(input.name, info.dtype, info.shape);
    variant.inputs.push_back(std::move(info));
  }
  trace.finish(function.body(Inputs(function.name, std::move(tensors))));
  variant.writes_state = trace.writes_state();
}

ProgramState::Variant& ProgramState::ready(const std::string& name, const DimSizes& dims) {
  check_compiled(name);
  Variant& variant = trace(find(name), dims);
  if (variant.executable == nullptr) {
    passes::Options switches;
    switches.fuse = options.fuse;
    switches.verify = options.verify;
    try {
      variant.executable =
          translated([&] { return compile_function(module, variant.name, *device, switches); });
    } catch (const std::logic_error& error) {
      throw Error(fmt::format("internal error: compiling '{}': {}", variant.name, error.what()),
                  Error::Kind::internal);
    }
  }
  return variant;
}

}  // namespace sinter
