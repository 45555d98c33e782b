#pragma once

#include <sinter/program.h>

#include <memory>
#include <vector>

#include "frontend/program/program_state.h"

namespace sinter {

// What a Function is: an executable's context, and arrays for its inputs and outputs.
struct Function::State {
  State(std::shared_ptr<ProgramState> of, Variant& called);

  void run();

  std::shared_ptr<ProgramState> program;  // the function may outlive the Program
  const Variant* variant;
  const Code* code;
  std::unique_ptr<runtime::Context> context;
  std::vector<Array> input_arrays, output_arrays;
  std::vector<const void*> input_pointers;
  std::vector<void*> output_pointers;
  uint32_t call = 0;  // which the next one is
};

}  // namespace sinter
