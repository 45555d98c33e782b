#pragma once

#include <sinter/program.h>

#include <memory>
#include <vector>

#include "frontend/program_state.h"

namespace sinter {

// What a Function is: an executable's context, and arrays for its inputs and outputs.
struct Function::State {
  State(ProgramState& of, ProgramState::Variant& called);

  void run();
  void set_input(std::string_view name, const Array& value);
  [[noreturn]] void unknown(std::string_view kind, std::string_view name,
                            const std::vector<TensorInfo>& infos) const;

  ProgramState* program;
  std::shared_ptr<ProgramState> keeps;  // the program, for calls that outlive it
  const ProgramState::Variant* variant;
  std::unique_ptr<runtime::Context> context;
  std::vector<TensorInfo> inputs, outputs;
  std::vector<Array> input_arrays, output_arrays;
  std::vector<const void*> input_pointers;
  std::vector<void*> output_pointers;
};

}  // namespace sinter
