#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "ir/loop/interpreter.h"

namespace sinter::test {

// A machine that runs loops in the interpreter, which watches every access. Checks do not fail on it.
class InterpretingDevice final : public backends::Device {
 public:
  explicit InterpretingDevice(loop::Target target) : target_(std::move(target)) {}

  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>& states) const override {
    return std::make_unique<runtime::HostState>(backends::to_specs(states));
  }
  std::unique_ptr<runtime::Executable> compile(const backends::Source& source) const override {
    return std::make_unique<Interpreted>(source.lower(target_));
  }
  loop::Target target() const override { return target_; }

 private:
  class Interpreted final : public runtime::Executable {
   public:
    explicit Interpreted(loop::Program program)
        : program_(std::move(program)), layout_(backends::to_layout(program_)) {}

    const std::vector<runtime::TensorSpec>& inputs() const override { return layout_.inputs; }
    const std::vector<runtime::TensorSpec>& outputs() const override { return layout_.outputs; }
    std::unique_ptr<runtime::Context> make_context() const override {
      return std::make_unique<runtime::Context>();
    }
    void run(runtime::Context&, runtime::StateStore& state, const runtime::Call& call) const override {
      std::vector<void*> slots;
      for (const loop::Slot& slot : program_.slots) {
        const auto ordinal = static_cast<size_t>(slot.ordinal);
        switch (slot.kind) {
          case loop::Slot::Kind::input:
            slots.push_back(const_cast<void*>(call.inputs[ordinal]));
            break;
          case loop::Slot::Kind::output:
            slots.push_back(call.outputs[ordinal]);
            break;
          case loop::Slot::Kind::state:
            slots.push_back(dynamic_cast<runtime::HostState&>(state).at(ordinal).raw());
            break;
          default:
            slots.push_back(nullptr);
        }
      }
      loop::interpret(program_, slots, {call.seed, static_cast<int32_t>(call.step)});
    }

   private:
    loop::Program program_;
    runtime::ProgramLayout layout_;
  };

  loop::Target target_;
};

}  // namespace sinter::test
