#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/exported.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <shared_mutex>

#include "backends/registry/players.h"
#include "frontend/base/names.h"
#include "frontend/base/state_file.h"
#include "frontend/base/tensor_info.h"
#include "frontend/base/translate.h"
#include "runtime/fair_shared_mutex.h"
#include "runtime/safetensors.h"

namespace sinter {

struct SINTER_INTERNAL ExportedProgram::State {
  // One for all calls of it.
  std::shared_ptr<const runtime::Executable> executable(size_t function) {
    const std::lock_guard<std::mutex> lock(loading);
    std::shared_ptr<const runtime::Executable>& known = executables[function];
    if (known == nullptr) known = player->load(function);
    return known;
  }

  std::unique_ptr<backends::Player> player;
  std::mutex loading;
  std::vector<std::shared_ptr<const runtime::Executable>> executables;  // null: nobody has asked yet
  mutable runtime::FairSharedMutex mutex;                               // of the store and the step
  std::unique_ptr<runtime::StateStore> store;
  uint32_t step = 0;
};

ExportedProgram::ExportedProgram(const std::string& path, const std::string& device)
    : state_(std::make_shared<State>()) {
  translated([&] {
    state_->player = backends::open_player(path, device);
    state_->executables.resize(state_->player->functions().size());
    state_->store = state_->player->make_state();
  });
}
ExportedProgram::ExportedProgram(ExportedProgram&&) noexcept = default;
ExportedProgram& ExportedProgram::operator=(ExportedProgram&&) noexcept = default;
ExportedProgram::~ExportedProgram() = default;

std::vector<std::string> ExportedProgram::functions() const {
  std::vector<std::string> names;
  for (const backends::Player::Function& function : state_->player->functions())
    names.push_back(function.name);
  return names;
}

std::vector<TensorInfo> ExportedProgram::states() const {
  return to_infos(state_->store->specs());
}

Array ExportedProgram::state(std::string_view name) const {
  const std::shared_lock<runtime::FairSharedMutex> lock(state_->mutex);
  return Array(translated([&] { return state_->store->get(name); }));
}

uint32_t ExportedProgram::step() const {
  const std::shared_lock<runtime::FairSharedMutex> lock(state_->mutex);
  return state_->step;
}

void ExportedProgram::load(const std::string& path) {
  translated([&] {
    const StateFile file = read_states(path, state_->store->specs());
    const std::lock_guard<runtime::FairSharedMutex> lock(state_->mutex);
    for (const auto& [name, value] : file.values) state_->store->set(name, value);
    if (file.step) state_->step = *file.step;
  });
}

void ExportedProgram::save(const std::string& path) const {
  translated([&] {
    runtime::SafetensorsFile file;
    {
      const std::shared_lock<runtime::FairSharedMutex> lock(state_->mutex);
      file.metadata = state_metadata(state_->player->seed(), state_->step);
      for (const runtime::TensorSpec& spec : state_->store->specs())
        file.tensors.emplace(spec.name, state_->store->get(spec.name));
    }
    runtime::write_safetensors(path, file, runtime::SafetensorsOrder::by_line);
  });
}

struct SINTER_INTERNAL ExportedProgram::Function::State {
  void run() {
    runtime::Call call{
        .inputs = inputs_there, .outputs = outputs_there, .seed = program->player->seed(), .step = calls};
    if (!writes_state) {
      const std::shared_lock<runtime::FairSharedMutex> lock(program->mutex);
      executable->run(*context, *program->store, call);
      ++calls;
      return;
    }
    const std::lock_guard<runtime::FairSharedMutex> lock(program->mutex);
    call.step = program->step;
    call.has_state_alone = true;
    executable->run(*context, *program->store, call);
    ++program->step;
  }

  std::shared_ptr<ExportedProgram::State> program;
  std::string name;
  bool writes_state;
  std::shared_ptr<const runtime::Executable> executable;
  std::unique_ptr<runtime::Context> context;
  std::vector<TensorInfo> inputs, outputs;
  std::vector<const void*> inputs_there;  // null, as the context has memory
  std::vector<void*> outputs_there;
  uint32_t calls = 0;  // that wrote no state
};

ExportedProgram::Function ExportedProgram::function(const std::string& name) const {
  const std::vector<std::string> names = functions();
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    throw Error(fmt::format("no function is called '{}'; functions are {}", name, quoted_list(names)));
  }
  const auto i = static_cast<size_t>(found - names.begin());
  return Function(translated([&] {
    auto state = std::make_unique<Function::State>();
    state->program = state_;
    state->name = name;
    state->writes_state = state_->player->functions()[i].writes_state;
    state->executable = state_->executable(i);
    state->context = state->executable->make_context();
    state->inputs = to_infos(state->executable->inputs());
    state->outputs = to_infos(state->executable->outputs());
    state->inputs_there.resize(state->inputs.size());
    state->outputs_there.resize(state->outputs.size());
    return state;
  }));
}

ExportedProgram::Function::Function(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExportedProgram::Function::Function(Function&&) noexcept = default;
ExportedProgram::Function& ExportedProgram::Function::operator=(Function&&) noexcept = default;
ExportedProgram::Function::~Function() = default;

const std::vector<TensorInfo>& ExportedProgram::Function::inputs() const {
  return state_->inputs;
}
const std::vector<TensorInfo>& ExportedProgram::Function::outputs() const {
  return state_->outputs;
}

void ExportedProgram::Function::run() {
  translated([&] { state_->run(); });
}

std::span<std::byte> ExportedProgram::Function::input_bytes(std::string_view name, DType type) {
  const size_t i = index_of(state_->name, "input", state_->inputs, name);
  check_type(state_->name, "input", state_->inputs[i], type);
  void* memory = translated([&] { return state_->context->input(i); });
  return {static_cast<std::byte*>(memory), bytes_of(state_->inputs[i])};
}

void ExportedProgram::Function::set_input(std::string_view name, const Array& value) {
  const TensorInfo& info = state_->inputs[index_of(state_->name, "input", state_->inputs, name)];
  check_input(state_->name, info, value);
  const std::span<std::byte> to = input_bytes(name, info.dtype);
  if (!to.empty()) std::memcpy(to.data(), value.host().raw(), to.size());
}

std::span<const std::byte> ExportedProgram::Function::output_bytes(std::string_view name, DType type) const {
  const size_t i = index_of(state_->name, "output", state_->outputs, name);
  check_type(state_->name, "output", state_->outputs[i], type);
  const void* memory = translated([&] { return state_->context->output(i); });
  return {static_cast<const std::byte*>(memory), bytes_of(state_->outputs[i])};
}

Array ExportedProgram::Function::output(std::string_view name) const {
  const TensorInfo& info = state_->outputs[index_of(state_->name, "output", state_->outputs, name)];
  const std::span<const std::byte> from = output_bytes(name, info.dtype);
  runtime::HostTensor copy = translated([&] { return tensor_for(info); });
  if (!from.empty()) std::memcpy(copy.raw(), from.data(), from.size());
  return Array(std::move(copy));
}

}  // namespace sinter
