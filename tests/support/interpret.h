#pragma once

#include <vector>

#include "ir/loop/interpreter.h"
#include "runtime/tensor.h"

namespace sinter::test {

// What the loops of a program without state give on a machine that watches every access.
inline std::vector<runtime::HostTensor> interpret(const loop::Program& program,
                                                  const std::vector<runtime::HostTensor>& inputs,
                                                  const loop::Call& call = {}) {
  std::vector<runtime::HostTensor> outputs;
  for (const auto& [name, type] : program.outputs)
    outputs.emplace_back(static_cast<runtime::DType>(type.dtype), type.shape);
  std::vector<void*> slots;
  for (const loop::Slot& slot : program.slots) {
    const auto ordinal = static_cast<size_t>(slot.ordinal);
    const bool is_input = slot.kind == loop::Slot::Kind::input;
    slots.push_back(is_input                                ? const_cast<void*>(inputs[ordinal].raw())
                    : slot.kind == loop::Slot::Kind::output ? outputs[ordinal].raw()
                                                            : nullptr);
  }
  loop::interpret(program, slots, call);
  return outputs;
}

}  // namespace sinter::test
