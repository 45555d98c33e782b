#include "tests/fuzz/programs/loops_device.h"

#include <bit>

#include "ir/loop/interpreter.h"

namespace sinter::fuzz {
namespace {

class LoopsExecutable final : public runtime::Executable {
 public:
  LoopsExecutable(loop::Program program, int64_t max_iterations)
      : program_(std::move(program)),
        layout_(backends::to_layout(program_)),
        max_iterations_(max_iterations) {}

  const std::vector<runtime::TensorSpec>& inputs() const override { return layout_.inputs; }
  const std::vector<runtime::TensorSpec>& outputs() const override { return layout_.outputs; }
  std::unique_ptr<runtime::Context> make_context() const override {
    return std::make_unique<runtime::Context>();
  }

  void run(runtime::Context& /*context*/, runtime::StateStore& state,
           const runtime::Call& call) const override {
    runtime::check_call(layout_, call);
    std::vector<void*> slots;
    for (const loop::Slot& slot : program_.slots) slots.push_back(memory(slot, state, call));
    const std::vector<loop::Fault> faults =
        loop::interpret(program_, slots, {call.seed, static_cast<int32_t>(call.step), max_iterations_});
    if (faults.empty()) return;
    const loop::Fault& first = faults[0];
    const runtime::FaultSite& site = layout_.faults.at(static_cast<size_t>(first.site));
    const bool is_index = site.kind == runtime::FaultSite::Kind::index;
    runtime::raise_fault(site, first.position,
                         is_index ? first.value.integer : std::bit_cast<int64_t>(first.value.number));
  }

 private:
  static void* memory(const loop::Slot& slot, runtime::StateStore& state, const runtime::Call& call) {
    const auto ordinal = static_cast<size_t>(slot.ordinal);
    switch (slot.kind) {
      case loop::Slot::Kind::input:
        return const_cast<void*>(call.inputs[ordinal]);
      case loop::Slot::Kind::output:
        return call.outputs[ordinal];
      case loop::Slot::Kind::state:
        return static_cast<runtime::HostState&>(state).at(ordinal).raw();
      default:
        return nullptr;
    }
  }

  loop::Program program_;
  runtime::ProgramLayout layout_;
  int64_t max_iterations_;
};

}  // namespace

std::unique_ptr<runtime::StateStore> LoopsDevice::make_state(const std::vector<graph::State>& states) const {
  return std::make_unique<runtime::HostState>(backends::to_specs(states));
}

std::unique_ptr<runtime::Executable> LoopsDevice::compile(const backends::Source& source) const {
  return std::make_unique<LoopsExecutable>(source.lower(target_), target_.max_iterations);
}

}  // namespace sinter::fuzz
