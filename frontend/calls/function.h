#pragma once

#include <sinter/function.h>

#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "frontend/calls/callee.h"

namespace sinter {

// What a Function is: an executable's context, and what its inputs and outputs are.
struct SINTER_INTERNAL Function::State {
  // Where an output lies. Calls that it is an input of have it too, and with it what it belongs to.
  struct Outputs {
    std::shared_ptr<const Callee> callee;
    std::shared_ptr<runtime::Context> context;
    std::vector<runtime::HostTensor> own;  // where the context has no memory
  };
  struct In {
    runtime::HostTensor own;         // where the context has no memory: once it is needed
    Array array;                     // what it is bound to,
    std::shared_ptr<Outputs> other;  // or whose output
    size_t output = 0;
    std::shared_ptr<const runtime::DeviceBuffer> held;  // what a call reads of it
  };

  // `joined`, if there is any, is the program's state with that of the session that it belongs to.
  explicit State(std::shared_ptr<const Callee> of, std::unique_ptr<runtime::StateStore> joined = nullptr);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start();
  void wait();
  void check_idle() const;  // throws Error where a call was started and not waited for
  std::byte* own_input(size_t i);
  void unbind(size_t i);
  std::span<std::byte> output(size_t i);

  std::shared_ptr<const Callee> callee;
  const Code* code;
  std::shared_ptr<Outputs> outputs;
  std::vector<In> inputs;
  uint32_t call = 0;  // which the next one is

 private:
  void find_inputs();

  std::unique_ptr<runtime::StateStore> joined_;

  // By input and output, for the call.
  std::vector<const void*> input_pointers_;
  std::vector<const runtime::DeviceBuffer*> bound_;
  std::vector<void*> output_pointers_;
  std::optional<Started> started_;
  std::exception_ptr failure_;  // of the start, for wait() to throw
  bool is_started_ = false;
};

}  // namespace sinter
