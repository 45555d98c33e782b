#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/program.h>

#include <optional>

#include "frontend/base/convert.h"
#include "frontend/base/translate.h"
#include "frontend/calls/function.h"
#include "frontend/program/program_state.h"
#include "frontend/trace/binding.h"
#include "runtime/thread_pool.h"

namespace sinter {

// What a Session is: sizes, and state of these sizes where the program's device keeps it.
struct SINTER_INTERNAL Session::State {
  State(std::shared_ptr<ProgramState> of, const DimSizes& given) : program(std::move(of)) {
    const auto& entries = program->table.session_entries();
    if (entries.empty()) throw Error("session: no function of the program uses an nn::Cache");
    std::vector<graph::State> states;
    for (const SessionEntry& entry : entries) {
      Shape shape;
      for (const Extent& extent : entry.extents) shape.push_back(size_of(entry, extent, given));
      infos.push_back({entry.name, entry.dtype, shape, false});
      states.push_back({entry.name, {to_graph(entry.dtype), shape}});
    }
    for (const auto& [dim, size] : given) {
      if (!sizes.contains(dim)) throw Error(fmt::format("session: no state of it has a '{}'", dim.name));
    }
    store = translated([&] { return program->device->make_state(states); });
    fill(false);
  }

  int64_t size_of(const SessionEntry& entry, const Extent& extent, const DimSizes& given) {
    int64_t size = 0;
    if (extent.dim()) {
      const Dim& dim = *extent.dim();
      const DimSizes& usual = program->options.dims;
      const DimSizes& from = given.contains(dim) ? given : usual;
      if (!from.contains(dim)) {
        throw Error(fmt::format(
            "session: '{0}' of state '{1}' has no size; give one to compile or session: {{{{\"{0}\", 32}}}}",
            dim.name, entry.name));
      }
      sizes[dim] = size = from.at(dim);
    }
    const std::optional<int64_t> number = extent.bound(size);
    if (number && *number >= 0) return *number;
    throw Error(fmt::format("session: state '{}': {}", entry.name, no_extent(extent, size)));
  }

  // With what each state begins as; zeros are there when it is made.
  void fill(bool with_zeros) {
    std::optional<runtime::ThreadPool> threads;
    for (size_t i = 0; i < infos.size(); ++i) {
      const SessionEntry& entry = program->table.session_entries()[i];
      if (entry.initializer.is_zero() && !with_zeros) continue;
      if (!threads) threads.emplace(program->options.threads);
      const Array initial =
          entry.initializer.make(entry.name, entry.dtype, infos[i].shape, program->options.seed, *threads);
      translated([&] { store->set(entry.name, initial.host()); });
    }
  }

  std::shared_ptr<ProgramState> program;
  DimSizes sizes;
  std::vector<TensorInfo> infos;
  std::unique_ptr<runtime::StateStore> store;
};

Session Program::session(const DimSizes& dims) const {
  state_->check_compiled("session");
  return Session(std::make_shared<Session::State>(state_, dims));
}

Session::Session(std::shared_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Function Session::function(const std::string& name, const DimSizes& dims) {
  Variant& variant = state_->program->variant(name, dims, state_->sizes);
  std::unique_ptr<runtime::StateStore> joined;
  if (!variant.session_states().empty())
    joined = state_->program->shared.store().with(*state_->store, variant.session_states());
  auto callee = std::make_shared<ProgramCallee>(state_->program->callee(variant, state_->program));
  return Function(std::make_unique<Function::State>(std::move(callee), std::move(joined)));
}

std::vector<TensorInfo> Session::states() const {
  return state_->infos;
}

Array Session::state(std::string_view name) const {
  return translated([&] { return Array(state_->store->get(name)); });
}

void Session::set_state(std::string_view name, const Array& value) {
  if (!value.defined()) throw Error(fmt::format("state '{}': the array is undefined", name));
  translated([&] { state_->store->set(name, value.host()); });
}

void Session::reset() {
  state_->fill(true);
}

}  // namespace sinter
