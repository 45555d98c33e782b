#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sinter/error.h>
#include <sinter/program.h>

#include <algorithm>

#include "backends/registry/registry.h"
#include "frontend/base/names.h"
#include "frontend/base/translate.h"
#include "frontend/compile/library.h"
#include "frontend/program/program_state.h"
#include "frontend/trace/binding.h"

namespace sinter {
namespace {

// Of these sizes those of Dims that the function has.
DimSizes sizes_for(const ProgramState::Added& function, const DimSizes& dims) {
  DimSizes sizes;
  for (const auto& [dim, size] : dims) {
    if (has_dim(function.inputs, dim)) sizes.emplace(dim, size);
  }
  return sizes;
}

// "predict", and where there are others of it, the sizes in which it differs from one: "predict_batch_32".
std::string symbol_of(const std::string& function, const std::vector<Variant*>& variants,
                      const Variant& variant) {
  std::string symbol = function;
  for (const auto& [dim, size] : variant.sizes()) {
    const bool differs = std::ranges::any_of(
        variants, [&](const Variant* other) { return other->sizes().at(dim) != variant.sizes().at(dim); });
    if (differs) symbol += fmt::format("_{}_{}", dim.name, size);
  }
  return symbol;
}

void check_dims(const ProgramState& program, const ExportOptions& options) {
  for (const DimSizes& dims : options.dims) {
    for (const auto& [dim, size] : dims) {
      const bool has = std::ranges::any_of(
          program.added, [&](const auto& function) { return has_dim(function.inputs, dim); });
      if (!has) throw Error(fmt::format("export_to: no input has a '{}'", dim.name));
      if (size < 0) throw Error(fmt::format("export_to: '{}' is {}", dim.name, size));
    }
  }
}

void check_function(ProgramState& program, const std::string& name) {
  const ProgramState::Added& function = program.find(name);
  if (function.session_state.empty()) return;
  throw Error(fmt::format("export_to: '{}' uses '{}', which is of sessions: such functions are not exported",
                          name, function.session_state));
}

}  // namespace

void Program::export_to(const std::string& folder, const ExportOptions& options) {
  state_->check_compiled("export_to");
  check_name("an export", options.name);
  check_dims(*state_, options);
  const std::vector<std::string> names = options.functions.empty() ? functions() : options.functions;
  const std::vector<DimSizes> all_dims = options.dims.empty() ? std::vector<DimSizes>{{}} : options.dims;

  std::vector<ExportedFunction> exported;
  for (const std::string& name : names) {
    check_function(*state_, name);
    std::vector<Variant*> variants;
    for (const DimSizes& dims : all_dims) {
      Variant* variant = &state_->variant(name, sizes_for(state_->find(name), dims));
      variant->training().check(variant->name());
      if (std::ranges::find(variants, variant) == variants.end()) variants.push_back(variant);
    }
    for (Variant* variant : variants) {
      ExportedFunction& function = exported.emplace_back(symbol_of(name, variants, *variant),
                                                         &variant->graph(), variant->name(), name);
      for (const auto& [dim, size] : variant->sizes()) function.sizes.emplace(dim.name, size);
      function.rows = state_->rows_of(*variant);
    }
  }

  ExportedState values;
  values.seed = state_->options.seed;
  state_->shared.reading([&](const runtime::StateStore& store, uint32_t step) {
    values.step = step;
    for (const std::string& state : states_of(exported)) values.values.emplace(state, store.get(state));
  });
  translated([&] {
    const std::unique_ptr<backends::Device> other =
        options.target.empty()
            ? nullptr
            : backends::open_device(state_->options.device, state_->options.threads, options.target);
    export_library(folder, options.name, exported, other == nullptr ? *state_->device : *other,
                   state_->switches(), values);
  });
}

}  // namespace sinter
