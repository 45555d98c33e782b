#include "backends/template/template.h"

#include <bit>
#include <utility>

#include "ir/loop/interpreter.h"
#include "runtime/error.h"

namespace sinter::skeleton {
namespace {

// A compiled function. It does not change when it runs: what a call changes is in its Context.
class Executable final : public runtime::Executable {
 public:
  Executable(loop::Program program, int64_t max_iterations)
      : program_(std::move(program)),
        layout_(backends::to_layout(program_)),
        max_iterations_(max_iterations) {}

  const std::vector<runtime::TensorSpec>& inputs() const override { return layout_.inputs; }
  const std::vector<runtime::TensorSpec>& outputs() const override { return layout_.outputs; }
  // An arena where the state's is not for the call, queues: whatever it needs for itself.
  std::unique_ptr<runtime::Context> make_context() const override {
    return std::make_unique<runtime::Context>();
  }

  void run(runtime::Context&, runtime::StateStore& state, const runtime::Call& call) const override {
    auto* own = dynamic_cast<runtime::HostState*>(&state);
    if (own == nullptr) throw RuntimeError("template: the state lies on another device");
    std::vector<void*> slots;
    for (const loop::Slot& slot : program_.slots) slots.push_back(memory_of(slot, *own, call));
    const std::vector<loop::Fault> faults =
        loop::interpret(program_, slots, {call.seed, static_cast<int32_t>(call.step), max_iterations_});
    if (!faults.empty()) raise(faults[0]);
  }

 private:
  [[noreturn]] void raise(const loop::Fault& fault) const {
    const runtime::FaultSite& site = layout_.faults.at(static_cast<size_t>(fault.site));
    const bool is_index = site.kind == runtime::FaultSite::Kind::index;
    runtime::raise_fault(site, fault.position,
                         is_index ? fault.value.integer : std::bit_cast<int64_t>(fault.value.number));
  }

  // Null for what the interpreter has memory of its own for.
  static void* memory_of(const loop::Slot& slot, runtime::HostState& state, const runtime::Call& call) {
    const auto ordinal = static_cast<size_t>(slot.ordinal);
    switch (slot.kind) {
      case loop::Slot::Kind::input:
        return const_cast<void*>(call.inputs[ordinal]);
      case loop::Slot::Kind::output:
        return call.outputs[ordinal];
      case loop::Slot::Kind::state:
        return state.at(ordinal).raw();
      case loop::Slot::Kind::arena:
      case loop::Slot::Kind::constant:
        break;
    }
    return nullptr;
  }

  loop::Program program_;
  runtime::ProgramLayout layout_;
  int64_t max_iterations_;
};

class Template final : public backends::Backend {
 public:
  std::string_view name() const override { return "template"; }
  std::unique_ptr<backends::Device> open(const backends::DeviceOptions&) const override {
    return std::make_unique<Device>(loop::Target());
  }
};

}  // namespace

std::unique_ptr<runtime::StateStore> Device::make_state(const std::vector<graph::State>& states) const {
  return std::make_unique<runtime::HostState>(backends::to_specs(states));
}

std::unique_ptr<runtime::Executable> Device::compile(const backends::Source& source) const {
  return std::make_unique<Executable>(source.lower(target_), target_.max_iterations);
}

const backends::Backend& backend() {
  static const Template instance;
  return instance;
}

}  // namespace sinter::skeleton
