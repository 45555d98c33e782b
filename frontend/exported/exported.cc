#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/exported.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>

#include "backends/registry/players.h"
#include "frontend/base/names.h"
#include "frontend/base/state_file.h"
#include "frontend/base/tensor_info.h"
#include "frontend/base/translate.h"
#include "frontend/calls/function.h"
#include "frontend/calls/shared_state.h"
#include "runtime/safetensors.h"

namespace sinter {

struct SINTER_INTERNAL ExportedProgram::State {
  struct Exported {
    const backends::Player::Function* info = nullptr;
    std::once_flag loading = {};
    std::optional<Code> code = {};  // none until somebody asks
  };

  class ExportedCallee final : public Callee {
   public:
    ExportedCallee(State& of, Exported& exported, std::shared_ptr<State> state)
        : Callee(exported.info->name, of.code_of(exported), of.shared, *of.player,
                 exported.info->writes_state),
          exported_(&exported),
          state_(std::move(state)) {}

    const backends::Rows& rows() const override { return exported_->info->rows; }

   private:
    const Exported* exported_;
    std::shared_ptr<State> state_;  // which it lets live
  };

  size_t number_of(const Exported& exported) const {
    return static_cast<size_t>(exported.info - player->functions().data());
  }
  // One for all calls of it.
  Code& code_of(Exported& exported) {
    std::call_once(exported.loading, [&] {
      exported.code.emplace(translated([&] { return player->load(number_of(exported)); }));
    });
    return *exported.code;
  }

  // By its own name, or the program's and sizes; never none.
  std::vector<Exported*> find(const std::string& name, const DimSizes& dims);

  std::unique_ptr<backends::Player> player;
  std::deque<Exported> functions;  // in the player's order
  SharedState shared;
};

std::vector<ExportedProgram::State::Exported*> ExportedProgram::State::find(const std::string& name,
                                                                            const DimSizes& dims) {
  std::vector<Exported*> found;
  std::vector<std::string> names;
  for (Exported& function : functions) {
    const backends::Player::Function& info = *function.info;
    names.push_back(info.name);
    const bool fits = std::ranges::all_of(dims, [&](const auto& size) {
      const auto own = info.sizes.find(size.first.name);
      return own != info.sizes.end() && own->second == size.second;
    });
    if (fits && info.name == name) return {&function};
    if (fits && info.of == name) found.push_back(&function);
  }
  if (!found.empty()) return found;
  std::string sizes;
  for (const auto& [dim, size] : dims)
    sizes += fmt::format("{} {} = {}", sizes.empty() ? " with" : ",", dim.name, size);
  throw Error(fmt::format("no function is called '{}'{}; functions are {}", name, sizes, quoted_list(names)));
}

ExportedProgram::ExportedProgram(const std::string& path, const std::string& device)
    : state_(std::make_shared<State>()) {
  translated([&] {
    state_->player = backends::open_player(path, device);
    bool is_written = false;
    for (const backends::Player::Function& function : state_->player->functions()) {
      state_->functions.emplace_back(&function);
      is_written = is_written || function.writes_state;
    }
    state_->shared.begin(state_->player->make_state(), state_->player->seed(), is_written);
  });
}
ExportedProgram::ExportedProgram(ExportedProgram&&) noexcept = default;
ExportedProgram& ExportedProgram::operator=(ExportedProgram&&) noexcept = default;
ExportedProgram::~ExportedProgram() = default;

std::vector<std::string> ExportedProgram::functions() const {
  std::vector<std::string> names;
  for (const State::Exported& function : state_->functions) names.push_back(function.info->name);
  return names;
}

Function ExportedProgram::function(const std::string& name, const DimSizes& dims) const {
  const std::vector<State::Exported*> found = state_->find(name, dims);
  if (found.size() > 1) {
    std::vector<std::string> names;
    for (const State::Exported* function : found) names.push_back(function->info->name);
    throw Error(fmt::format("{}: was exported for several sizes; give one, or one of these names: {}", name,
                            quoted_list(names)));
  }
  return Function(std::make_unique<Function::State>(
      std::make_shared<State::ExportedCallee>(*state_, *found.front(), state_)));
}

// Of several sizes the one that the arrays have; where none has, the first tells what does not fit.
Arrays ExportedProgram::run(const std::string& name, const Arrays& inputs, const DimSizes& dims) const {
  const std::vector<State::Exported*> found = state_->find(name, dims);
  for (State::Exported* function : found) {
    const std::vector<runtime::TensorSpec>& specs = state_->player->inputs(state_->number_of(*function));
    check_names(function->info->name, specs, inputs);
    const bool fits = std::ranges::all_of(specs, [&](const runtime::TensorSpec& spec) {
      const Array& array = inputs.find(spec.name)->second;
      return array.defined() && array.shape() == spec.shape;
    });
    if (fits) return State::ExportedCallee(*state_, *function, nullptr).call(inputs);
  }
  return State::ExportedCallee(*state_, *found.front(), nullptr).call(inputs);
}

Array ExportedProgram::upload(const Array& array) const {
  if (!array.defined()) throw Error("upload: the array is undefined");
  return bring_to(*state_->player, array);
}

std::vector<TensorInfo> ExportedProgram::states() const {
  return to_infos(state_->shared.store().specs());
}

Array ExportedProgram::state(std::string_view name) const {
  return state_->shared.reading(
      [&](const runtime::StateStore& store, uint32_t) { return Array(store.get(name)); });
}

void ExportedProgram::set_state(std::string_view name, const Array& value) {
  if (!value.defined()) throw Error(fmt::format("state '{}': the array is undefined", name));
  state_->shared.writing([&](runtime::StateStore& store, auto&) { store.set(name, value.host()); });
}

uint32_t ExportedProgram::step() const {
  return state_->shared.step();
}

void ExportedProgram::load(const std::string& path) {
  const StateFile file = translated([&] { return read_states(path, state_->shared.store().specs()); });
  state_->shared.writing([&](runtime::StateStore& store, auto& step) {
    for (const auto& [name, value] : file.values) store.set(name, value);
    if (file.step) step = *file.step;
  });
}

void ExportedProgram::save(const std::string& path) const {
  runtime::SafetensorsFile file;
  state_->shared.reading([&](const runtime::StateStore& store, uint32_t step) {
    file.metadata = state_metadata(state_->shared.seed(), step);
    for (const runtime::TensorSpec& spec : store.specs())
      file.tensors.emplace(spec.name, store.get(spec.name));
  });
  translated([&] { runtime::write_safetensors(path, file, runtime::SafetensorsOrder::by_line); });
}

}  // namespace sinter
